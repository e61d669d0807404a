//! The words that stand beside or above the fields of documents.

/// A printed field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Field {
    Surname,
    Given,
    FullName,
    DocumentNumber,
    Nationality,
    BirthDate,
    Sex,
    ExpiryDate,
    IssueDate,
    Address,
    PersonalNumber,
    /// Labels of fields that are not read; they end the value before them.
    Other,
}

/// Labels in capitals without marks. Where one is part of another, the longer one wins.
const LABELS: &[(Field, &[&str])] = &[
    (
        Field::Surname,
        &[
            "SURNAME", "SURNAMES", "FAMILY NAME", "LAST NAME", "PRIMARY IDENTIFIER", "NOM", "NOM DE FAMILLE",
            "APELLIDOS", "APELLIDO", "PRIMER APELLIDO", "COGNOME", "APELIDO", "APELIDOS", "SOBRENOME", "NAZWISKO",
            "ACHTERNAAM", "NAAM", "FAMILIENNAME", "NAME DES INHABERS", "EFTERNAMN", "ETTERNAVN", "EFTERNAVN",
            "SUKUNIMI", "PRIJMENI", "PREZIME", "PRIEZVISKO", "PERENIMI", "UZVARDS", "PAVARDE", "NUME", "VEZETEKNEV",
            "CSALADI NEV", "SOYADI", "SOYAD", "HO", "CHU DEM VA TEN KHAI SINH", "KUNYOMTA", "PRIIMEK", "PREZIME SURNAME",
        ],
    ),
    (
        Field::Given,
        &[
            "GIVEN NAMES", "GIVEN NAME", "GIVEN NAME S", "FIRST NAME", "FIRST NAMES", "FORENAMES", "FORENAME",
            "OTHER NAMES", "SECONDARY IDENTIFIER", "PRENOMS", "PRENOM", "PRENOM S", "NOMBRE", "NOMBRES", "NOME",
            "NOMES", "VORNAMEN", "VORNAME", "VOORNAMEN", "VOORNAAM", "IMIE", "IMIONA", "FORNAMN", "FORNAVN",
            "ETUNIMET", "JMENO", "IME", "MENO", "EESNIMI", "VARDS", "VARDAI", "VARDAS", "PRENUME", "UTONEV", "ADI", "TEN",
            "GIVEN NAMES PRENOMS",
        ],
    ),
    (
        Field::FullName,
        &["NAME", "FULL NAME", "HO VA TEN", "HO TEN", "HO CHU DEM VA TEN", "NAMA", "NAMA LENGKAP", "NOM ET PRENOMS",
          "NOMBRE COMPLETO", "NAME IN FULL", "NAMES"],
    ),
    (
        Field::DocumentNumber,
        &[
            "DOCUMENT NO", "DOCUMENT NUMBER", "DOCUMENT N", "PASSPORT NO", "PASSPORT NUMBER", "PASSPORT N",
            "PASSEPORT NO", "PASSEPORT N", "NO DU PASSEPORT", "NUMERO DE PASSEPORT", "PASAPORTE NO", "PASAPORTE N",
            "NO DE PASAPORTE", "NUMERO DE PASAPORTE", "REISEPASS NR", "PASS NR", "PASSPORT NR", "PASSNUMMER",
            "IDENTITY CARD NO", "ID CARD NO", "ID NO", "ID NUMBER", "CARD NO", "CARD NUMBER", "AUSWEISNUMMER",
            "AUSWEIS NR", "NO DU DOCUMENT", "N DU DOCUMENT", "NUMERO DU DOCUMENT", "NUMERO DE DOCUMENTO",
            "NUMERO DOCUMENTO", "N DOCUMENTO", "NO DOCUMENTO", "NUM SOPORT", "IDESP", "NUMERO CARTA",
            "DOCUMENTNUMMER", "DOKUMENTO NR", "NR DOWODU OSOBISTEGO", "SO", "SO NO", "NUMBER", "LICENSE NO",
            "LICENCE NO", "LICENSE NUMBER", "LICENCE NUMBER", "DLN", "DL NO", "DL", "LIC NO", "CUSTOMER ID",
            "4D DLN", "4D LIC", "SO HO CHIEU", "DOC NO", "SO CCCD", "SO CMND", "SO DINH DANH CA NHAN", "VISA NO",
            "VISA NUMBER", "PASSPORT CARD NO", "DOCUMENT NO NO DU DOCUMENT", "4D LIC", "NIK",
        ],
    ),
    (
        Field::Nationality,
        &[
            "NATIONALITY", "NATIONALITE", "NACIONALIDAD", "NACIONALIDADE", "NAZIONALITA", "CITTADINANZA",
            "STAATSANGEHORIGKEIT", "NATIONALITEIT", "OBYWATELSTWO", "MEDBORGARSKAP", "NATIONALITET",
            "STATSBORGERSKAP", "KANSALAISUUS", "STATNI OBCANSTVI", "DRZAVLJANSTVO", "DRZAVLJANSTVO CITIZENSHIP",
            "CITIZENSHIP", "CETATENIE", "CETATENIA", "UYRUGU", "QUOC TICH", "KEWARGANEGARAAN", "PILIETYBE",
            "PILSONIBA", "KODAKONDSUS", "ALLAMPOLGARSAG",
        ],
    ),
    (
        Field::BirthDate,
        &[
            "DATE OF BIRTH", "BIRTH DATE", "BIRTHDATE", "DOB", "DATE DE NAISSANCE", "NE LE", "NEE LE", "NE E LE",
            "FECHA DE NACIMIENTO", "FECHA NACIMIENTO", "NACIMIENTO", "DATA DE NASCIMENTO", "DATA DI NASCITA",
            "GEBURTSDATUM", "GEBURTSTAG", "GEBOORTEDATUM", "DATA URODZENIA", "FODELSEDATUM", "FODSELSDATO",
            "SYNTYMAAIKA", "DATUM NAROZENI", "DATUM RODENJA", "DATUM ROJSTVA", "DATUM NARODENIA", "SUNNIAEG",
            "DZIMSANAS DATUMS", "GIMIMO DATA", "DATA NASTERII", "SZULETESI IDO", "DOGUM TARIHI", "NGAY SINH",
            "NGAY THANG NAM SINH", "SINH NGAY", "TANGGAL LAHIR", "BORN", "BORN ON", "DATE NAISSANCE", "GEBOREN AM", "3 DOB",
        ],
    ),
    (
        Field::Sex,
        &["SEX", "SEXE", "SEXO", "SESSO", "GESCHLECHT", "GESLACHT", "PLEC", "KON", "KJONN", "SUKUPUOLI", "POHLAVI",
          "SPOL", "SUGU", "DZIMUMS", "LYTIS", "SEXUL", "NEM", "CINSIYETI", "CINSIYET", "GIOI TINH", "GENDER",
          "JENIS KELAMIN", "15 SEX"],
    ),
    (
        Field::ExpiryDate,
        &[
            "DATE OF EXPIRY", "DATE OF EXPIRATION", "EXPIRY DATE", "EXPIRATION DATE", "EXPIRY", "EXPIRES", "EXP",
            "4B EXP", "VALID UNTIL", "VALID TO", "VALID TILL", "VALIDITY", "DATE D EXPIRATION", "EXPIRE LE", "VALABLE JUSQU AU",
            "DATE DE FIN DE VALIDITE", "FECHA DE EXPIRACION", "FECHA DE CADUCIDAD", "FECHA DE VENCIMIENTO",
            "FECHA VENCIMIENTO", "VALIDO HASTA", "VALIDEZ", "VENCIMIENTO", "DATA DE VALIDADE", "VALIDADE", "VALIDO ATE",
            "DATA DI SCADENZA", "SCADENZA", "GULTIG BIS", "GELDIG TOT", "TERMIN WAZNOSCI", "DATA WAZNOSCI",
            "GILTIGT TILL", "GILTIG T O M", "GYLDIG TIL", "UTLOPSDATO", "VOIMASSA ASTI", "VIIM VOIM PAEV",
            "PLATNOST DO", "VRIJEDI DO", "VAZI DO", "VELJA DO", "DATUM VELJAVNOSTI", "DERIGA LIDZ", "GALIOJA IKI",
            "KEHTIV KUNI", "VALABILITATE", "LEJARAT NAPJA", "SON GECERLILIK TARIHI", "GECERLILIK TARIHI",
            "CO GIA TRI DEN", "NGAY HET HAN", "HAN SU DUNG", "BERLAKU HINGGA", "CARD EXPIRES",
        ],
    ),
    (
        Field::IssueDate,
        &[
            "DATE OF ISSUE", "ISSUE DATE", "DATE ISSUED", "ISSUED", "ISSUED ON", "ISS", "4A ISS", "VALID FROM",
            "DATE DE DELIVRANCE", "DELIVRE LE", "DATE D EMISSION", "FECHA DE EXPEDICION", "FECHA DE EMISION",
            "FECHA EXPEDICION", "EXPEDICION", "EMISION", "DATA DE EMISSAO", "DATA DI EMISSIONE", "DATA DI RILASCIO",
            "EMESSO IL", "AUSSTELLUNGSDATUM", "AUSSTELLUNGSTAG", "DATUM", "DATUM VAN AFGIFTE", "DATA WYDANIA",
            "UTFARDAD DEN", "DATUM VYDANI", "DATUM IZDAJE", "DATUM IZDAVANJA", "DATA EMITERII", "VERILIS TARIHI",
            "NGAY CAP", "DATE OF ISSUANCE", "VALJAANDMISE KUUPAEV",
        ],
    ),
    (
        Field::Address,
        &["ADDRESS", "ADRESSE", "DIRECCION", "DOMICILIO", "INDIRIZZO", "RESIDENZA", "ANSCHRIFT", "ADRES",
          "NOI THUONG TRU", "NOI CU TRU", "PLACE OF RESIDENCE", "ALAMAT", "WOHNORT", "ENDERECO", "8 ADDRESS"],
    ),
    (
        Field::PersonalNumber,
        &["PERSONAL NO", "PERSONAL NUMBER", "PERSONAL NO N PERSONNEL", "PERSONAL IDENTIFICATION NUMBER", "PESEL",
          "NUMERO PERSONAL", "PERSONNUMMER", "RODNE CISLO", "JMBG", "OIB", "CNP", "ASMENS KODAS", "PERSONAS KODS",
          "ISIKUKOOD", "TC KIMLIK NO", "CODICE FISCALE", "HENKILOTUNNUS"],
    ),
    (
        Field::Other,
        &[
            "TYPE", "CODE", "COUNTRY CODE", "ISSUING STATE", "CODE OF ISSUING STATE", "CODE DU PAYS", "AUTHORITY",
            "AUTORITE", "AUTORIDAD", "ISSUING AUTHORITY", "ISSUING OFFICE", "PLACE OF BIRTH", "LIEU DE NAISSANCE",
            "LUGAR DE NACIMIENTO", "LUOGO DI NASCITA", "GEBURTSORT", "PLACE OF ISSUE", "SIGNATURE",
            "HOLDER S SIGNATURE", "SIGNATURE OF BEARER", "HEIGHT", "TAILLE", "GROSSE", "ESTATURA", "EYES",
            "HAIR", "WEIGHT", "CLASS", "RESTRICTIONS", "REST", "ENDORSEMENTS", "END", "DONOR", "DD", "REV", "HGT", "WGT", "QUE QUAN",
            "PLACE OF ORIGIN", "PROFESSION", "OCCUPATION", "RELIGION", "MARITAL STATUS", "BLOOD GROUP",
            "NAME OF FATHER", "FATHER S NAME", "NAME OF MOTHER", "NAME OF SPOUSE", "NAME AT BIRTH", "GEBURTSNAME", "NOM D USAGE",
            "NUMBER OF ENTRIES", "DURATION OF STAY", "REMARKS", "PASSPORT", "PASSEPORT",
            "COUNTRY", "LAND", "PAIS", "PAYS", "STATE", "FILE NO", "OLD PASSPORT NO",
        ],
    ),
];

/// Headings that name a kind of document, in capitals without marks.
pub(super) const HEADINGS: &[(super::DocumentType, &[&str])] = &[
    (
        super::DocumentType::ResidencePermit,
        &[
            "RESIDENCE PERMIT", "TITRE DE SEJOUR", "CARTE DE SEJOUR", "AUFENTHALTSTITEL", "PERMISO DE RESIDENCIA",
            "PERMESSO DI SOGGIORNO", "VERBLIJFSTITEL", "KARTA POBYTU", "PERMANENT RESIDENT", "RESIDENCE CARD", "THE TAM TRU",
            "TITULO DE RESIDENCIA", "UPPEHALLSTILLSTAND", "OPHOLDSTILLADELSE", "OLESKELULUPA", "POVOLENI K POBYTU",
        ],
    ),
    (
        super::DocumentType::DriverLicense,
        &[
            "DRIVER LICENSE", "DRIVERS LICENSE", "DRIVER S LICENSE", "DRIVING LICENCE", "DRIVER LICENCE", "DRIVING LICENSE",
            "PERMIS DE CONDUIRE", "FUHRERSCHEIN", "PERMISO DE CONDUCCION", "LICENCIA DE CONDUCIR", "PATENTE DI GUIDA",
            "CARTA DE CONDUCAO", "RIJBEWIJS", "PRAWO JAZDY", "KORKORT", "KOREKORT", "AJOKORTTI", "RIDICSKY PRUKAZ",
            "GIAY PHEP LAI XE", "CARTEIRA NACIONAL DE HABILITACAO", "SURUCU BELGESI", "VOZACKA DOZVOLA", "VEZETOI ENGEDELY",
        ],
    ),
    (
        super::DocumentType::Visa,
        &["VISA", "VISUM", "VISADO", "VISTO", "THI THUC", "WIZA"],
    ),
    (
        super::DocumentType::Passport,
        &[
            "PASSPORT", "PASSEPORT", "PASAPORTE", "PASSAPORTO", "PASSAPORTE", "REISEPASS", "PASPOORT", "PASZPORT",
            "PASS", "CESTOVNI PAS", "PUTOVNICA", "POTNI LIST", "PASAPORT", "HO CHIEU", "PASSI", "PASAPORT", "UTLEVEL",
        ],
    ),
    (
        super::DocumentType::IdCard,
        &[
            "IDENTITY CARD", "IDENTIFICATION CARD", "ID CARD", "NATIONAL ID", "CARTE NATIONALE D IDENTITE",
            "CARTE D IDENTITE", "PERSONALAUSWEIS", "DOCUMENTO NACIONAL DE IDENTIDAD", "DOCUMENTO DE IDENTIDAD", "CEDULA DE IDENTIDAD",
            "CEDULA DE CIUDADANIA", "CARTA D IDENTITA", "CARTAO DE CIDADAO", "IDENTITEITSKAART", "DOWOD OSOBISTY", "OBCANSKY PRUKAZ", "OSOBNA ISKAZNICA",
            "OSEBNA IZKAZNICA", "CAN CUOC CONG DAN", "CAN CUOC", "CHUNG MINH NHAN DAN", "KARTU TANDA PENDUDUK", "KIMLIK KARTI",
            "ISIKUTUNNISTUS", "PERSONAS APLIECIBA", "ASMENS TAPATYBES KORTELE", "CARTE DE IDENTITATE", "HENKILOKORTTI", "MYKAD", "KARTA TA IDENTITA",
            "LICNA KARTA", "NATIONELLT IDENTITETSKORT", "IDENTITETSKORT",
        ],
    ),
];

/// Capitals without marks: the letters of the Latin script down to A-Z, everything else as it is.
pub(crate) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars().flat_map(char::to_uppercase) {
        match c {
            'À'..='Å' | 'Ā' | 'Ă' | 'Ą' | 'Ǎ' | 'Ạ'..='Ặ' => out.push('A'),
            'Æ' => out.push_str("AE"),
            'Ç' | 'Ć'..='Č' => out.push('C'),
            'Ð' | 'Ď' | 'Đ' => out.push('D'),
            'È'..='Ë' | 'Ē'..='Ě' | 'Ẹ'..='Ệ' => out.push('E'),
            'Ĝ'..='Ģ' => out.push('G'),
            'Ì'..='Ï' | 'Ĩ'..='İ' | 'Ỉ' | 'Ị' => out.push('I'),
            'Ķ' => out.push('K'),
            'Ĺ'..='Ł' => out.push('L'),
            'Ñ' | 'Ń'..='Ň' => out.push('N'),
            'Ò'..='Ö' | 'Ø' | 'Ō'..='Ő' | 'Ơ' | 'Ọ'..='Ợ' => out.push('O'),
            'Œ' => out.push_str("OE"),
            'Ŕ'..='Ř' => out.push('R'),
            'Ś'..='Š' | 'Ș' => out.push('S'),
            'Ţ'..='Ť' | 'Ț' => out.push('T'),
            'Ù'..='Ü' | 'Ũ'..='Ų' | 'Ư' | 'Ụ'..='Ự' => out.push('U'),
            'Ý' | 'Ÿ' | 'Ỳ'..='Ỹ' => out.push('Y'),
            'Ź'..='Ž' => out.push('Z'),
            // Marks that stand alone after their letter.
            '\u{300}'..='\u{36f}' => {}
            _ => out.push(c),
        }
    }
    out
}

/// A label in a line: which field, and the words it takes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Label {
    pub field: Field,
    /// Range of words.
    pub words: std::ops::Range<usize>,
}

/// A word of a line in plain capitals, with its place in the line as bytes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PlainWord {
    pub text: String,
    pub at: std::ops::Range<usize>,
}

/// Runs of letters and digits of a line.
pub(crate) fn words(text: &str) -> Vec<PlainWord> {
    let mut out: Vec<PlainWord> = Vec::new();
    let mut open = false;
    for (at, c) in text.char_indices() {
        let end = at + c.len_utf8();
        if !c.is_alphanumeric() {
            open = false;
            continue;
        }
        match out.last_mut().filter(|_| open) {
            Some(word) => {
                word.text.push_str(&plain(c.encode_utf8(&mut [0; 4])));
                word.at.end = end;
            }
            None => out.push(PlainWord { text: plain(c.encode_utf8(&mut [0; 4])), at: at..end }),
        }
        open = true;
    }
    out
}

/// The labels in a line, longest first at each place, without overlaps. Recognisers drop spaces: labels are
/// compared without them.
pub(crate) fn labels(words: &[PlainWord]) -> Vec<Label> {
    const MOST_WORDS: usize = 6;
    let mut out = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let found = (1..=MOST_WORDS.min(words.len() - at)).rev().find_map(|n| {
            let joined: String = words[at..at + n].iter().map(|w| w.text.as_str()).collect();
            field_of(&joined).map(|field| Label { field, words: at..at + n })
        });
        match found {
            Some(label) => {
                at = label.words.end;
                out.push(label);
            }
            None => at += 1,
        }
    }
    out
}

fn field_of(joined: &str) -> Option<Field> {
    let same = |label: &str| label.chars().filter(|c| *c != ' ').eq(joined.chars());
    LABELS.iter().find(|(_, labels)| labels.iter().any(|label| same(label))).map(|(field, _)| *field)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(text: &str) -> Vec<Field> {
        labels(&words(text)).into_iter().map(|l| l.field).collect()
    }

    #[test]
    fn labels_of_two_languages_on_a_line_name_one_field() {
        assert_eq!(fields("Surname/Nom"), [Field::Surname, Field::Surname]);
        assert_eq!(fields("Date of birth / Date de naissance"), [Field::BirthDate, Field::BirthDate]);
        assert_eq!(fields("Họ và tên / Full name"), [Field::FullName, Field::FullName]);
        assert_eq!(fields("Passport No./Passeport N°"), [Field::DocumentNumber, Field::DocumentNumber]);
        assert_eq!(fields("DateofBirth"), [Field::BirthDate]);
        assert_eq!(fields("Staatsangehörigkeit"), [Field::Nationality]);
    }

    #[test]
    fn names_of_people_are_no_labels() {
        assert!(fields("ERIKSSON").is_empty());
        assert!(fields("ANNA MARIA 1234").is_empty());
    }
}
