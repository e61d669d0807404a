//! What bills say in five languages, and how they write money and dates.

use chrono::{Datelike, NaiveDate};
use rust_decimal::Decimal;

use super::fonts::Face;

/// The language of a bill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Language {
    English,
    Vietnamese,
    Chinese,
    German,
    French,
}

/// The words of a bill.
pub struct Phrases {
    pub receipt: &'static str,
    pub invoice: &'static str,
    pub number: &'static str,
    pub date: &'static str,
    pub due: &'static str,
    pub bill_to: &'static str,
    pub tax_id: &'static str,
    /// Description, quantity, unit price, amount.
    pub columns: [&'static str; 4],
    pub subtotal: &'static str,
    pub tax: &'static str,
    pub tax_included: &'static str,
    pub total: &'static str,
    pub cash: &'static str,
    pub change: &'static str,
    pub thanks: &'static str,
    pub companies: [&'static str; 3],
    pub streets: [&'static str; 3],
    pub cities: [&'static str; 3],
    pub goods: [&'static str; 10],
}

impl Language {
    pub const ALL: [Self; 5] = [Self::English, Self::Vietnamese, Self::Chinese, Self::German, Self::French];

    /// ISO 639-1.
    pub fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Vietnamese => "vi",
            Self::Chinese => "zh",
            Self::German => "de",
            Self::French => "fr",
        }
    }

    /// ISO 4217.
    pub fn currency(self) -> &'static str {
        match self {
            Self::English => "USD",
            Self::Vietnamese => "VND",
            Self::Chinese => "CNY",
            Self::German | Self::French => "EUR",
        }
    }

    /// Decimals of the currency.
    pub fn decimals(self) -> u32 {
        if self == Self::Vietnamese { 0 } else { 2 }
    }

    /// Prices of goods are drawn as this many units of the smallest coin times 1 to 400.
    pub fn price_step(self) -> i64 {
        if self == Self::Vietnamese { 1000 } else { 25 }
    }

    /// Percent of value added or sales tax.
    pub fn tax_percent(self) -> Decimal {
        match self {
            Self::English => Decimal::new(825, 2),
            Self::Vietnamese => Decimal::from(8),
            Self::Chinese => Decimal::from(6),
            Self::German => Decimal::from(19),
            Self::French => Decimal::from(20),
        }
    }

    /// Regular, bold and fixed-width font that has the language's letters.
    pub fn faces(self) -> [Face; 3] {
        match self {
            Self::Chinese => [Face::Chinese; 3],
            // The fixed-width font has not all letters with two marks.
            Self::Vietnamese => [Face::Sans, Face::SansBold, Face::Sans],
            _ => [Face::Sans, Face::SansBold, Face::Mono],
        }
    }

    /// `1234.5` as the language writes it, without a sign of the currency.
    pub fn number(self, value: Decimal) -> String {
        let (thousands, point) = match self {
            Self::English | Self::Chinese => (',', '.'),
            Self::Vietnamese | Self::German => ('.', ','),
            Self::French => (' ', ','),
        };
        let plain = format!("{:.*}", value.scale() as usize, value.abs());
        let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
        let mut text = String::from(if value.is_sign_negative() { "-" } else { "" });
        for (i, digit) in whole.chars().enumerate() {
            if i > 0 && (whole.len() - i) % 3 == 0 {
                text.push(thousands);
            }
            text.push(digit);
        }
        if !fraction.is_empty() {
            text.push(point);
            text.push_str(fraction);
        }
        text
    }

    /// An amount with the sign of the currency.
    pub fn money(self, value: Decimal) -> String {
        let number = self.number(value);
        match self {
            Self::English => format!("${number}"),
            Self::Chinese => format!("¥{number}"),
            Self::Vietnamese => format!("{number} đ"),
            Self::German | Self::French => format!("{number} €"),
        }
    }

    /// A date as the language writes it on bills.
    pub fn day(self, date: NaiveDate) -> String {
        match self {
            Self::English => date.format("%b %d, %Y").to_string(),
            Self::Vietnamese | Self::French => date.format("%d/%m/%Y").to_string(),
            Self::Chinese => format!("{}年{}月{}日", date.year(), date.month(), date.day()),
            Self::German => date.format("%d.%m.%Y").to_string(),
        }
    }

    pub fn phrases(self) -> &'static Phrases {
        match self {
            Self::English => &ENGLISH,
            Self::Vietnamese => &VIETNAMESE,
            Self::Chinese => &CHINESE,
            Self::German => &GERMAN,
            Self::French => &FRENCH,
        }
    }
}

const ENGLISH: Phrases = Phrases {
    receipt: "RECEIPT",
    invoice: "INVOICE",
    number: "Invoice no.",
    date: "Date",
    due: "Due date",
    bill_to: "Bill to",
    tax_id: "Tax ID",
    columns: ["Description", "Qty", "Price", "Amount"],
    subtotal: "Subtotal",
    tax: "Sales tax",
    tax_included: "Tax included",
    total: "TOTAL",
    cash: "Cash",
    change: "Change",
    thanks: "Thank you for your business",
    companies: ["Harbor Linen Supply LLC", "Pinecrest Foods Inc.", "Bluewater Amenities Ltd."],
    streets: ["118 Quay Street", "2405 Alder Avenue", "77 Mill Lane"],
    cities: ["Portland, OR 97205", "Savannah, GA 31401", "Boulder, CO 80302"],
    goods: [
        "Bath towel 70x140 white",
        "Shampoo 30 ml",
        "Laundry detergent 5 kg",
        "Paper napkins",
        "Espresso beans 1 kg",
        "Orange juice 1 l",
        "LED bulb E27 9 W",
        "Bed sheet king size",
        "Toilet paper 24 rolls",
        "Glass cleaner",
    ],
};

const VIETNAMESE: Phrases = Phrases {
    receipt: "HÓA ĐƠN BÁN LẺ",
    invoice: "HÓA ĐƠN GIÁ TRỊ GIA TĂNG",
    number: "Số hóa đơn",
    date: "Ngày",
    due: "Hạn thanh toán",
    bill_to: "Khách hàng",
    tax_id: "Mã số thuế",
    columns: ["Tên hàng", "SL", "Đơn giá", "Thành tiền"],
    subtotal: "Cộng tiền hàng",
    tax: "Thuế GTGT",
    tax_included: "Đã gồm thuế",
    total: "TỔNG CỘNG",
    cash: "Tiền khách đưa",
    change: "Tiền thối lại",
    thanks: "Cảm ơn quý khách, hẹn gặp lại!",
    companies: [
        "Công ty TNHH Vải Sợi Hòa Bình",
        "Cửa hàng Thực phẩm Đồng Xuân",
        "Công ty Cổ phần Nước Mắt Biển",
    ],
    streets: ["15 đường Nguyễn Huệ", "248 phố Trần Hưng Đạo", "36 đường Lê Lợi"],
    cities: ["Quận 1, TP. Hồ Chí Minh", "Hoàn Kiếm, Hà Nội", "Hải Châu, Đà Nẵng"],
    goods: [
        "Khăn tắm trắng",
        "Dầu gội đầu 30 ml",
        "Nước giặt 5 kg",
        "Giấy vệ sinh",
        "Cà phê sữa đá",
        "Phở bò tái nạm",
        "Bóng đèn tiết kiệm điện",
        "Ga trải giường cỡ lớn",
        "Nước mắm nhĩ",
        "Gạo thơm Sóc Trăng",
    ],
};

const CHINESE: Phrases = Phrases {
    receipt: "收据",
    invoice: "增值税发票",
    number: "发票号码",
    date: "日期",
    due: "付款期限",
    bill_to: "购买方",
    tax_id: "纳税人识别号",
    columns: ["名称", "数量", "单价", "金额"],
    subtotal: "小计",
    tax: "税额",
    tax_included: "含税",
    total: "合计",
    cash: "现金",
    change: "找零",
    thanks: "谢谢惠顾",
    companies: ["东方酒店用品有限公司", "长江食品有限公司", "蓝天清洁用品有限公司"],
    streets: ["人民路118号", "中山大道2405号", "和平街77号"],
    cities: ["上海市黄浦区", "杭州市西湖区", "成都市武侯区"],
    goods: [
        "白色浴巾",
        "洗发水 30ml",
        "洗衣液 5kg",
        "餐巾纸",
        "咖啡豆 1kg",
        "橙汁 1L",
        "节能灯泡",
        "大号床单",
        "卫生纸 24卷",
        "玻璃清洁剂",
    ],
};

const GERMAN: Phrases = Phrases {
    receipt: "QUITTUNG",
    invoice: "RECHNUNG",
    number: "Rechnungsnr.",
    date: "Datum",
    due: "Zahlbar bis",
    bill_to: "Rechnung an",
    tax_id: "USt-IdNr.",
    columns: ["Bezeichnung", "Menge", "Preis", "Betrag"],
    subtotal: "Zwischensumme",
    tax: "MwSt.",
    tax_included: "inkl. MwSt.",
    total: "SUMME",
    cash: "Bar",
    change: "Rückgeld",
    thanks: "Vielen Dank für Ihren Einkauf",
    companies: ["Hafenwäsche Großhandel GmbH", "Tannenhof Lebensmittel AG", "Blauwasser Bedarf GmbH"],
    streets: ["Kaistraße 118", "Erlenallee 24", "Mühlengasse 7"],
    cities: ["20095 Hamburg", "79098 Freiburg", "50667 Köln"],
    goods: [
        "Badetuch 70x140 weiß",
        "Haarwäsche 30 ml",
        "Waschmittel 5 kg",
        "Servietten",
        "Kaffeebohnen 1 kg",
        "Orangensaft 1 l",
        "LED-Lampe E27 9 W",
        "Bettlaken 180x200",
        "Toilettenpapier 24 Rollen",
        "Glasreiniger",
    ],
};

const FRENCH: Phrases = Phrases {
    receipt: "REÇU",
    invoice: "FACTURE",
    number: "Facture n°",
    date: "Date",
    due: "Échéance",
    bill_to: "Facturé à",
    tax_id: "N° TVA",
    columns: ["Désignation", "Qté", "Prix", "Montant"],
    subtotal: "Sous-total",
    tax: "TVA",
    tax_included: "dont TVA",
    total: "TOTAL",
    cash: "Espèces",
    change: "Rendu",
    thanks: "Merci de votre visite",
    companies: ["Lingerie du Port SARL", "Épicerie des Pins SAS", "Eaux Bleues Hôtellerie SA"],
    streets: ["118 rue du Quai", "24 allée des Aulnes", "7 chemin du Moulin"],
    cities: ["44000 Nantes", "69002 Lyon", "67000 Strasbourg"],
    goods: [
        "Drap de bain blanc",
        "Shampooing 30 ml",
        "Lessive 5 kg",
        "Serviettes en papier",
        "Café en grains 1 kg",
        "Jus d'orange 1 l",
        "Ampoule LED E27 9 W",
        "Drap plat 240x300",
        "Papier toilette 24 rouleaux",
        "Nettoyant pour vitres",
    ],
};
