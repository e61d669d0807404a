//! Key words of bills in English, German, French, Vietnamese, Chinese and Malay.
//!
//! Text is compared in folded form: lower case, no marks over or under letters, no punctuation. A word may differ from
//! a key word by one letter when it is long enough, because that is what reading a photograph does.

use unicode_normalization::UnicodeNormalization;

/// Lower case, without marks on the letters; everything that is no letter or digit becomes one space.
pub(super) fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.nfkd() {
        let c = match c {
            'đ' | 'Đ' => 'd',
            'ß' => {
                out.push_str("ss");
                continue;
            }
            'ø' | 'Ø' => 'o',
            'ł' | 'Ł' => 'l',
            'ı' => 'i',
            _ => c,
        };
        if c.is_alphanumeric() {
            out.extend(c.to_lowercase());
        } else if is_mark(c) {
            // A combining mark belongs to the letter before it.
        } else if !out.is_empty() && !out.ends_with(' ') {
            out.push(' ');
        }
    }
    out.truncate(out.trim_end().len());
    out
}

fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{20d0}'..='\u{20ff}')
}

/// What a line of a bill speaks about; bits, because `TOTAL GST` speaks of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Topics(u32);

impl Topics {
    pub const TOTAL: Self = Self(1);
    pub const SUB: Self = Self(1 << 1);
    pub const TAX: Self = Self(1 << 2);
    pub const INCLUSIVE: Self = Self(1 << 3);
    pub const EXCLUSIVE: Self = Self(1 << 4);
    pub const QUANTITY: Self = Self(1 << 5);
    pub const DISCOUNT: Self = Self(1 << 6);
    pub const SERVICE: Self = Self(1 << 7);
    pub const TIP: Self = Self(1 << 8);
    pub const ROUNDING: Self = Self(1 << 9);
    pub const CASH: Self = Self(1 << 10);
    pub const CHANGE: Self = Self(1 << 11);
    pub const CARD: Self = Self(1 << 12);
    pub const DUE: Self = Self(1 << 13);
    pub const POINTS: Self = Self(1 << 14);
    pub const AMOUNT: Self = Self(1 << 15);
    pub const PAID: Self = Self(1 << 16);
    pub const PRICE: Self = Self(1 << 17);
    pub const DESCRIPTION: Self = Self(1 << 18);
    pub const SUMMARY: Self = Self(1 << 19);
    pub const DATE: Self = Self(1 << 20);
    pub const DUE_DATE: Self = Self(1 << 21);
    pub const NUMBER: Self = Self(1 << 22);
    pub const INVOICE: Self = Self(1 << 23);
    pub const CONTACT: Self = Self(1 << 24);
    pub const CUSTOMER: Self = Self(1 << 25);
    pub const OTHER_DATE: Self = Self(1 << 26);
    pub const ORDER: Self = Self(1 << 27);
    pub const STAFF: Self = Self(1 << 28);
    pub const TIME: Self = Self(1 << 29);
    pub const GRAND: Self = Self(1 << 30);
    pub const REGISTRATION: Self = Self(1 << 31);

    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub fn all(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Key words, folded, with what they speak of. Several words are one phrase.
#[rustfmt::skip]
const KEY_WORDS: &[(Topics, &[&str])] = &[
    (Topics::TOTAL, &["total", "totaal", "totale", "totals", "ttl", "tot", "tong", "tong cong", "tong tien",
    "合计", "总计", "总额", "總計", "合計", "總額", "价税合计", "summe", "gesamt", "gesamtsumme",
    "gesamtbetrag", "endbetrag", "endsumme", "jumlah", "keseluruhan", "amount due", "total ttc", "somme",
    "importe total"]),
    (Topics::GRAND, &["grand", "net total", "nett total", "total rounded", "amt rounded", "amount rounded",
    "after rounding", "total due", "balance due", "amount due", "amount payable", "amt payable",
    "total payable", "rechnungsbetrag", "zahlbetrag", "zu zahlen", "zu zahlender betrag", "bruttobetrag",
    "brutto", "net a payer", "a payer", "montant ttc", "total ttc", "phai tra", "phai thanh toan",
    "tong thanh toan", "thanh toan", "应付", "实付", "应收", "应付金额", "实付金额", "价税合计", "總額",
    "perlu dibayar", "jumlah perlu dibayar", "invoice total", "total invoice", "order total", "bill total",
    "endbetrag", "gesamtbetrag", "te betalen", "total to pay", "total charges"]),
    (Topics::SUB, &["sub", "subtotal", "sub total", "subttl", "tam tinh", "tien hang", "cong tien hang",
    "cong tien", "小计", "小計", "金额合计", "zwischensumme", "nettobetrag", "nettosumme", "netto",
    "summe netto", "sous total", "total ht", "montant ht", "subtotaal", "jumlah kecil", "net amount",
    "amount before", "total before", "untaxed amount", "taxable"]),
    (Topics::TAX, &["gst", "sst", "vat", "tax", "taxes", "mwst", "ust", "umsatzsteuer", "mehrwertsteuer",
    "steuer", "tva", "thue", "thue gtgt", "gtgt", "税额", "税金", "增值税", "消費税", "税", "cukai", "btw",
    "iva", "hst", "pst", "qst", "cgst", "sgst", "igst", "taxe"]),
    (Topics::INCLUSIVE, &["incl", "inclusive", "including", "included", "include", "inc", "inkl",
    "inklusive", "einschl", "enthalten", "ttc", "bao gom", "da bao gom", "含税", "税込", "termasuk",
    "comprise", "dont", "incluse", "enthaltene", "with"]),
    (Topics::EXCLUSIVE, &["excl", "excluding", "exclusive", "exc", "excluded", "exclude", "ht", "hors",
    "zzgl", "netto", "不含税", "chua", "chua bao gom", "before", "without", "excludes", "ohne"]),
    (Topics::QUANTITY, &["qty", "qtys", "quantity", "quantities", "items", "item s", "qty s", "no of items",
    "so luong", "sl", "数量", "menge", "anzahl", "quantite", "qte", "kuantiti", "qnty", "units", "articles",
    "aantal", "std", "stk", "hours"]),
    (Topics::DISCOUNT, &["discount", "disc", "discounts", "saving", "savings", "saved", "rabatt",
    "nachlass", "skonto", "remise", "giam gia", "chiet khau", "折扣", "优惠", "diskaun", "promotion",
    "promo", "coupon", "voucher", "less", "korting", "reduction"]),
    (Topics::SERVICE, &["service charge", "service", "svc", "serv", "svc chg", "bedienung", "servicegebuhr",
    "phi dich vu", "phi phuc vu", "服务费", "service compris", "caj perkhidmatan", "caj", "s charge",
    "service tax", "surcharge"]),
    (Topics::TIP, &["tip", "tips", "gratuity", "trinkgeld", "pourboire", "tien tip", "小费", "チップ"]),
    (Topics::ROUNDING, &["rounding", "rounded", "round", "roundup", "round off", "rundung", "gerundet",
    "arrondi", "lam tron", "舍入", "抹零", "bulatan", "pembundaran", "rnd", "rounding adj",
    "rounding adjustment", "afronding"]),
    (Topics::CASH, &["cash", "bar", "gegeben", "bargeld", "barzahlung", "especes", "tien mat", "现金",
    "現金", "tunai", "contant", "liquide"]),
    (Topics::PAID, &["tender", "tendered", "paid", "payment", "payments", "received", "cash received",
    "amount paid", "paid amount", "khach dua", "da tra", "da thanh toan", "实收", "收款", "已付", "bayaran",
    "terima", "bezahlt", "regle", "paye", "betaald", "received amount", "deposit", "anzahlung", "accepted",
    "accepted total", "amount tendered"]),
    (Topics::CARD, &["visa", "master", "mastercard", "amex", "american express", "card", "debit",
    "credit card", "girocard", "maestro", "ec karte", "karte", "kreditkarte", "carte", "carte bancaire",
    "cb", "the tin dung", "刷卡", "银行卡", "信用卡", "pin", "kad", "kad kredit", "jcb", "unionpay"]),
    (Topics::CHANGE, &["change", "change due", "ruckgeld", "wechselgeld", "rendu", "monnaie", "tien thoi",
    "tien thua", "tra lai", "找零", "找赎", "baki", "balance change", "お釣り", "wisselgeld"]),
    (Topics::DUE, &["due", "payable", "to pay", "owing", "balance", "zu zahlen", "a payer", "phai tra",
    "应付", "bayar", "net", "nett"]),
    (Topics::POINTS, &["point", "points", "loyalty", "member", "members", "rewards", "punkte", "diem",
    "积分", "bonus", "rrp"]),
    (Topics::AMOUNT, &["amount", "amt", "betrag", "montant", "thanh tien", "so tien", "金额", "金額",
    "amaun", "sum", "bedrag", "importe", "value", "line total", "gesamtpreis", "prix total"]),
    (Topics::PRICE, &["price", "unit price", "u price", "u p", "rate", "unit cost", "preis", "einzelpreis",
    "stuckpreis", "prix", "prix unitaire", "p u", "don gia", "gia", "单价", "單價", "harga", "rsp", "u rm",
    "prijs", "unit", "cost"]),
    (Topics::DESCRIPTION, &["description", "item", "product", "article", "particulars", "details",
    "beschreibung", "bezeichnung", "artikel", "leistung", "designation", "libelle", "ten hang", "ten mon",
    "mat hang", "dien giai", "noi dung", "品名", "项目", "商品", "名称", "butiran", "barang", "menu",
    "service description", "product name", "item name", "code desc", "omschrijving", "model",
    "ten hang hoa", "desc", "title", "charges"]),
    (Topics::SUMMARY, &["summary", "analysis", "tax code", "gst summary", "tax summary", "breakdown",
    "tax rate", "steuersatz", "taux", "recap", "ringkasan"]),
    (Topics::DATE, &["date", "dated", "datum", "ngay", "日期", "开票日期", "tarikh", "tgl", "invoice date",
    "rechnungsdatum", "date de facture", "date facture", "bill date", "issue date", "date of issue",
    "belegdatum", "factuurdatum", "fecha", "ngay lap", "bill dt", "bizdate", "時間", "data"]),
    (Topics::DUE_DATE, &["due date", "payment due", "due by", "pay by", "date due", "fallig", "fallig am",
    "zahlbar bis", "falligkeit", "echeance", "date d echeance", "han thanh toan", "ngay den han", "到期日",
    "付款期限", "due on", "vervaldatum", "date echeance", "payment date", "tarikh akhir", "payable by"]),
    (Topics::OTHER_DATE, &["order date", "delivery date", "lieferdatum", "leistungsdatum", "bestelldatum",
    "date de livraison", "expiry", "expires", "valid", "exp date", "from", "period", "zeitraum", "since",
    "printed", "prn on", "print", "check in", "check out", "arrival", "departure", "orderdatum",
    "commande du", "birth", "warranty", "return by", "until"]),
    (Topics::NUMBER, &["no", "number", "num", "nr", "nummer", "so", "numero", "号", "编号", "号码", "nos",
    "id", "ref", "n", "nummer", "hash"]),
    (Topics::INVOICE, &["invoice", "receipt", "bill", "rechnung", "quittung", "beleg", "bon", "facture",
    "recu", "ticket", "hoa don", "phieu", "发票", "收据", "账单", "發票", "resit", "invois", "inv",
    "tax invoice", "cash bill", "doc", "document", "folio", "factuur", "slip", "cash sale", "cs", "cb",
    "rechnungsnummer", "belegnummer", "bonnummer", "docket", "check", "rechnungs", "factura", "statement",
    "involce", "lnvoice"]),
    (Topics::CONTACT, &["tel", "phone", "fax", "telephone", "email", "e mail", "mail", "www", "http",
    "https", "telefon", "dien thoai", "dt", "sdt", "hotline", "电话", "電話", "h p", "hp", "mobile",
    "website", "web", "telefax", "handy", "call"]),
    (Topics::CUSTOMER, &["bill to", "billed to", "sold to", "customer", "client", "kunde", "kundennummer",
    "khach hang", "nguoi mua", "客户", "购买方", "ship to", "deliver to", "invoice to", "guest",
    "guest name", "rechnung an", "destinataire", "to", "attn", "pelanggan", "购方", "买方", "recipient",
    "facture a", "billing address", "shipping address"]),
    (Topics::ORDER, &["table", "order", "trans", "transaction", "ban", "tisch", "terminal", "pos", "till",
    "counter", "queue", "station", "shift", "pump", "room", "pax", "covers", "approval", "auth", "trace",
    "batch", "site", "survey"]),
    (Topics::STAFF, &["cashier", "staff", "server", "waiter", "operator", "salesperson", "served",
    "sold by", "kassierer", "bediener", "thu ngan", "nhan vien", "收银员", "juruwang", "clerk", "sales",
    "user", "caissier", "attendant"]),
    (Topics::TIME, &["time", "uhrzeit", "zeit", "gio", "heure", "时间", "masa", "uhr"]),
    (Topics::REGISTRATION, &["reg", "registration", "co reg", "gst id", "gst no", "tax id", "vat no",
    "vat reg", "ust id", "ust idnr", "steuernummer", "st nr", "siret", "siren", "mst", "ma so thue", "税号",
    "纳税人识别号", "统一社会信用代码", "tax reg", "company no", "brn", "roc", "abn", "ein", "gstin", "uid",
    "hrb", "tva intracom", "n tva", "vat number", "gst reg", "tin", "btw nr", "kvk", "rcs"]),
];

/// What a text speaks of. `folded` is folded text.
pub(super) fn topics(folded: &str) -> Topics {
    let words: Vec<&str> = folded.split(' ').filter(|w| !w.is_empty()).take(40).collect();
    if words.is_empty() {
        return Topics::default();
    }
    let plain: Vec<String> = words.iter().map(|w| letters_for_digits(w)).collect();
    let mut found = Topics::default();
    for (topic, phrases) in KEY_WORDS {
        if phrases.iter().any(|phrase| contains(&words, &plain, folded, phrase)) {
            found = found.and(*topic);
        }
    }
    found
}

/// Digits that look like letters, in a word that is mostly letters.
fn letters_for_digits(word: &str) -> String {
    let digits = word.chars().filter(char::is_ascii_digit).count();
    if digits == 0 || digits * 2 >= word.chars().count() {
        return word.to_owned();
    }
    word.chars()
        .map(|c| match c {
            '0' => 'o',
            '1' => 'l',
            '5' => 's',
            '8' => 'b',
            '6' => 'g',
            other => other,
        })
        .collect()
}

fn contains(words: &[&str], plain: &[String], folded: &str, phrase: &str) -> bool {
    if !phrase.is_ascii() {
        return folded.contains(phrase);
    }
    let mut wanted = phrase.split(' ');
    let Some(first) = wanted.next() else { return false };
    let rest: Vec<&str> = wanted.collect();
    for i in 0..words.len() {
        if same(words.get(i), plain.get(i), first)
            && rest.iter().enumerate().all(|(k, w)| same(words.get(i + 1 + k), plain.get(i + 1 + k), w))
        {
            return true;
        }
    }
    // Words the reader ran together: "totalamount", "subtotal(rm)".
    phrase.len() >= 8 && !rest.is_empty() && {
        let glued: String = phrase.chars().filter(|c| *c != ' ').collect();
        words.iter().any(|w| w.starts_with(&glued))
    }
}

fn same(word: Option<&&str>, plain: Option<&String>, key: &str) -> bool {
    let (Some(word), Some(plain)) = (word, plain) else { return false };
    if *word == key || plain == key {
        return true;
    }
    let length = key.len();
    // One slip in six letters or more, or in "total"; the first letter kept when the word is short.
    (length >= 6 || key == "total")
        && plain.len() >= 5
        && plain.len().abs_diff(length) <= 1
        && plain.is_ascii()
        && (length >= 7 || plain.as_bytes().first() == key.as_bytes().first())
        && !LOOKALIKES.contains(&plain.as_str())
        && strsim::levenshtein(plain, key) <= 1
}

/// Words of their own that are one letter from a key word.
#[rustfmt::skip]
const LOOKALIKES: &[&str] = &[
    "charge", "chance", "orange", "bread", "rice", "prize", "pride", "price", "data", "later", "tables",
    "grant", "brand", "sale", "totally", "casher", "server", "served", "never", "point", "print", "paint",
    "joint", "pump", "items", "item", "steak", "start", "state", "tender", "tenders", "sugar", "before",
    "within", "width", "order", "border", "older",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_on_letters_and_punctuation_do_not_hide_a_key_word() {
        assert_eq!(fold("Tổng cộng (VNĐ):"), "tong cong vnd");
        assert_eq!(fold("Fälligkeit – Straße"), "falligkeit strasse");
        assert_eq!(fold("TOTAL  INCL. GST"), "total incl gst");
    }

    #[test]
    fn a_label_speaks_of_all_its_words() {
        let t = |text: &str| topics(&fold(text));
        assert!(t("TOTAL GST").all(Topics::TOTAL.and(Topics::TAX)));
        assert!(t("Tổng cộng").has(Topics::TOTAL));
        assert!(t("价税合计（小写）").has(Topics::GRAND));
        assert!(t("Zwischensumme").has(Topics::SUB));
        assert!(t("Montant TTC").has(Topics::GRAND));
        assert!(t("T0TAL").has(Topics::TOTAL), "a zero read for an O");
        assert!(t("Roundlng").has(Topics::ROUNDING), "one wrong letter");
        assert!(!t("Orange juice").has(Topics::CHANGE));
        assert_eq!(t(""), Topics::default());
    }
}
