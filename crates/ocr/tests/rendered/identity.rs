//! Passports, cards, visas and driving licences of people who do not exist. The state is `UTO`, Utopia, which ICAO
//! Doc 9303 sets aside for specimens.

use chrono::NaiveDate;
use innkeeper_core::Rect;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rxing::BarcodeFormat;

use super::codes;
use super::fonts::Face;
use super::mrz::{self, Form};
use super::sheet::{Anchor, Drawn, Pen, Sheet};

/// Whose document it is: the truth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    pub surname: String,
    pub given_names: String,
    /// `M`, `F` or `<`.
    pub sex: char,
    pub birth: NaiveDate,
    pub expiry: NaiveDate,
    /// Three letters.
    pub nationality: String,
    /// Three letters.
    pub issuer: String,
    /// Number of the document.
    pub number: String,
    /// Goes into the optional field.
    pub personal_number: String,
}

fn day(rng: &mut ChaCha8Rng, years: std::ops::Range<i32>) -> NaiveDate {
    NaiveDate::from_ymd_opt(rng.random_range(years), rng.random_range(1..=12), rng.random_range(1..=28))
        .expect("a day")
}

impl Holder {
    /// Somebody.
    pub fn invented(seed: u64) -> Self {
        let rng = &mut ChaCha8Rng::seed_from_u64(seed ^ 0x1d);
        let surnames = [
            "Eriksson",
            "Nguyễn",
            "Müller",
            "O'Brien",
            "de la Cruz",
            "Lefèvre",
            "Tanaka",
            "Smith-Jones",
            "Đặng",
            "Østby",
            "Rossi",
            "Kowalski",
        ];
        let women = ["Anna Maria", "Thị Hoa", "Käthe", "Aoife", "Lucía", "Émilie", "Yuki", "Jane", "Zofia"];
        let men = ["Karl", "Văn Minh", "Jürgen", "Seán", "José Luis", "André", "Kenji", "John Paul", "Piotr"];
        let sex = *['M', 'F'].choose(rng).expect("some");
        let given = if sex == 'F' { women } else { men };
        let letters: Vec<char> = ('A'..='Z').chain('0'..='9').collect();
        let number: String =
            (0..9).map(|i| if i == 0 { 'L' } else { *letters.choose(rng).expect("some") }).collect();
        Self {
            surname: (*surnames.choose(rng).expect("some")).to_owned(),
            given_names: (*given.choose(rng).expect("some")).to_owned(),
            sex,
            birth: day(rng, 1945..2006),
            expiry: day(rng, 2027..2036),
            nationality: "UTO".to_owned(),
            issuer: "UTO".to_owned(),
            number,
            personal_number: if rng.random_bool(0.4) {
                format!("{:08}", rng.random_range(0..100_000_000))
            } else {
                String::new()
            },
        }
    }

    /// The lines of the machine-readable zone.
    pub fn mrz(&self, form: Form) -> Vec<String> {
        mrz::lines(form, self)
    }

    /// The side of the document that has the machine-readable zone, 12 pixels a millimetre.
    pub fn draw(&self, form: Form) -> Drawn {
        self.draw_marked(form, None)
    }

    /// As [`Holder::draw`], with a word across the background.
    pub fn draw_marked(&self, form: Form, mark: Option<&str>) -> Drawn {
        const DENSITY: f32 = 12.0;
        let (width, height) = (form.size().0 * DENSITY, form.size().1 * DENSITY);
        let mut sheet = Sheet::new(width as u32, height as u32, [226, 234, 240]);
        let lines = self.mrz(form);
        // Part 3: characters are 2.54 mm apart, lines 6.35 mm, capitals about 2.9 mm high.
        let pitch = 2.54 * DENSITY;
        let mut pen = Pen::new(Face::OcrB, 4.2 * DENSITY);
        pen.spacing = pitch - pen.width("0");
        let zone = lines.len() as f32 * 6.35 * DENSITY + 3.0 * DENSITY;
        background(&mut sheet, height);
        if let Some(mark) = mark {
            let room = height - zone;
            let pen = Pen { ink: [196, 112, 116], spacing: 14.0, ..Pen::new(Face::SansBold, room / 9.0) };
            sheet.paint(width / 2.0, room * 0.81, Anchor::Centre, pen, mark);
        }
        sheet.fill(Rect { x: 0.0, y: height - zone, w: width, h: zone }, [244, 246, 246], 0.8);
        self.facts(&mut sheet, form, height - zone);
        let left = (width - lines[0].len() as f32 * pitch) / 2.0;
        for (i, line) in lines.iter().enumerate() {
            sheet.next_row();
            sheet.write(left, height - zone + (1.5 + i as f32 * 6.35) * DENSITY, Anchor::Left, pen, line);
        }
        sheet.done(height as u32)
    }

    /// The printed fields, in the room above the zone.
    fn facts(&self, sheet: &mut Sheet, form: Form, room: f32) {
        let title = match form {
            Form::Td3 => "PASSPORT",
            Form::Td1 | Form::Td2 => "IDENTITY CARD",
            Form::MrvA | Form::MrvB => "VISA",
        };
        let scale = room / 800.0;
        let head = Pen { ink: [28, 52, 96], ..Pen::new(Face::SerifBold, 52.0 * scale) };
        sheet.write(50.0, 28.0 * scale, Anchor::Left, head, &format!("UTOPIA  {title}"));
        sheet.next_row();
        portrait(sheet, Rect { x: 50.0, y: 130.0 * scale, w: 330.0 * scale, h: 430.0 * scale });
        let label = Pen { ink: [70, 84, 120], ..Pen::new(Face::Sans, 26.0 * scale) };
        let value = Pen::new(Face::SansBold, 38.0 * scale);
        let date = |date: NaiveDate| date.format("%d %b %Y").to_string().to_uppercase();
        let sex = if self.sex == '<' { 'X' } else { self.sex };
        let rows = [
            [("Surname", self.surname.to_uppercase()), ("Document No.", self.number.clone())],
            [("Given names", self.given_names.to_uppercase()), ("Nationality", self.nationality.clone())],
            [("Date of birth", date(self.birth)), ("Sex", sex.to_string())],
            [("Date of expiry", date(self.expiry)), ("Personal No.", self.personal_number.clone())],
        ];
        let (left, second) = (50.0 + 380.0 * scale, 50.0 + 900.0 * scale);
        for (i, row) in rows.iter().enumerate() {
            let y = (130.0 + 125.0 * i as f32) * scale;
            let columns = [(left, &row[0]), (second, &row[1])];
            for pen in [label, value] {
                for (x, (name, text)) in columns.into_iter().filter(|(_, (_, text))| !text.is_empty()) {
                    if pen.face == Face::Sans {
                        sheet.write(x, y, Anchor::Left, pen, name);
                    } else {
                        sheet.write(x, y + 34.0 * scale, Anchor::Left, pen, text);
                    }
                }
                sheet.next_row();
            }
        }
    }
}

fn background(sheet: &mut Sheet, height: f32) {
    let waves = (height / 14.0) as usize;
    for i in 0..waves {
        let y = i as f32 * 14.0;
        sheet.wave(y, 22.0, 260.0, i as f32 * 0.35, [150, 180, 205]);
        sheet.wave(y, 16.0, 190.0, i as f32 * -0.5, [205, 180, 190]);
    }
}

/// Where the photograph would be: a grey figure.
fn portrait(sheet: &mut Sheet, area: Rect) {
    sheet.fill(area, [204, 210, 214], 1.0);
    let (x, y, w, h) = (area.x, area.y, area.w, area.h);
    sheet.ellipse(Rect { x: x + w * 0.3, y: y + h * 0.16, w: w * 0.4, h: h * 0.4 }, [150, 158, 166]);
    sheet.ellipse(Rect { x: x + w * 0.12, y: y + h * 0.62, w: w * 0.76, h: h * 0.36 }, [150, 158, 166]);
    sheet.fill(Rect { x: x + w * 0.12, y: y + h * 0.8, w: w * 0.76, h: h * 0.2 }, [150, 158, 166], 1.0);
}

/// A driving licence as North American ones are: printed fields in front, their PDF417 code behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Licence {
    pub holder: Holder,
    pub issue: NaiveDate,
    pub street: String,
    pub city: String,
    /// Two letters.
    pub state: String,
    pub postal_code: String,
    pub class: String,
}

impl Licence {
    /// Somebody's.
    pub fn invented(seed: u64) -> Self {
        let rng = &mut ChaCha8Rng::seed_from_u64(seed ^ 0xd1);
        // The names are ASCII there.
        let holder = Holder {
            surname: (*["Sample", "Garcia", "Novak", "Whitfield"].choose(rng).expect("some")).to_owned(),
            given_names: (*["Jordan Lee", "Alex", "Robin Kim", "Casey"].choose(rng).expect("some"))
                .to_owned(),
            number: format!("D{:07}", rng.random_range(0..10_000_000)),
            ..Holder::invented(seed)
        };
        Self {
            holder,
            issue: day(rng, 2019..2025),
            street: format!("{} Maple Street", rng.random_range(1..2000)),
            city: (*["Springfield", "Fairview", "Riverside"].choose(rng).expect("some")).to_owned(),
            state: (*["CA", "NY", "TX", "WA"].choose(rng).expect("some")).to_owned(),
            postal_code: format!("{:05}", rng.random_range(10_000..99_999)),
            class: "C".to_owned(),
        }
    }

    /// What the code says, by the AAMVA DL/ID Card Design Standard of 2020, annex D: version 10, one subfile.
    pub fn aamva(&self) -> String {
        let date = |date: NaiveDate| date.format("%m%d%Y").to_string();
        let names = self.holder.given_names.to_uppercase();
        let (first, middle) = names.split_once(' ').unwrap_or((&names, "NONE"));
        let sex = match self.holder.sex {
            'M' => "1",
            'F' => "2",
            _ => "9",
        };
        let elements = [
            ("DAQ", self.holder.number.clone()),
            ("DCS", self.holder.surname.to_uppercase()),
            ("DDE", "N".to_owned()),
            ("DAC", first.to_owned()),
            ("DDF", "N".to_owned()),
            ("DAD", middle.to_owned()),
            ("DDG", "N".to_owned()),
            ("DCA", self.class.clone()),
            ("DCB", "NONE".to_owned()),
            ("DCD", "NONE".to_owned()),
            ("DBD", date(self.issue)),
            ("DBB", date(self.holder.birth)),
            ("DBA", date(self.holder.expiry)),
            ("DBC", sex.to_owned()),
            ("DAU", "069 in".to_owned()),
            ("DAY", "BRO".to_owned()),
            ("DAG", self.street.to_uppercase()),
            ("DAI", self.city.to_uppercase()),
            ("DAJ", self.state.clone()),
            ("DAK", format!("{}0000  ", self.postal_code)),
            ("DCF", "00000000NA00".to_owned()),
            ("DCG", "USA".to_owned()),
        ];
        let body: Vec<String> = elements.iter().map(|(id, value)| format!("{id}{value}")).collect();
        let subfile = format!("DL{}\r", body.join("\n"));
        // 21 characters before the designator, 10 in it.
        format!("@\n\u{1e}\rANSI 636014100001DL{:04}{:04}{subfile}", 31, subfile.len())
    }

    /// The back with the code, 14 pixels a millimetre.
    pub fn draw_back(&self) -> Drawn {
        let mut sheet = Sheet::new(1198, 756, [236, 238, 232]);
        let small = Pen::new(Face::Sans, 24.0);
        sheet.write(60.0, 40.0, Anchor::Left, small, "CLASS: C - Single vehicle under 26,001 lbs");
        sheet.next_row();
        sheet.write(60.0, 76.0, Anchor::Left, small, "RESTRICTIONS: NONE   ENDORSEMENTS: NONE");
        sheet.next_row();
        codes::draw(
            &mut sheet,
            Rect { x: 70.0, y: 150.0, w: 1060.0, h: 420.0 },
            &self.aamva(),
            BarcodeFormat::PDF_417,
        );
        sheet.write(60.0, 690.0, Anchor::Left, small, "Specimen. Not a driving licence.");
        sheet.done(756)
    }

    /// The front with the printed fields, 14 pixels a millimetre.
    pub fn draw_front(&self) -> Drawn {
        let mut sheet = Sheet::new(1198, 756, [228, 236, 244]);
        background(&mut sheet, 756.0);
        let head = Pen { ink: [28, 52, 96], ..Pen::new(Face::SansBold, 44.0) };
        sheet.write(40.0, 24.0, Anchor::Left, head, "UTOPIA  DRIVER LICENSE");
        sheet.next_row();
        portrait(&mut sheet, Rect { x: 40.0, y: 110.0, w: 320.0, h: 420.0 });
        let value = Pen::new(Face::SansBold, 32.0);
        let date = |date: NaiveDate| date.format("%m/%d/%Y").to_string();
        let facts = [
            format!("DL {}", self.holder.number),
            format!("EXP {}", date(self.holder.expiry)),
            format!("LN {}", self.holder.surname.to_uppercase()),
            format!("FN {}", self.holder.given_names.to_uppercase()),
            self.street.to_uppercase(),
            format!("{}, {} {}", self.city.to_uppercase(), self.state, self.postal_code),
            format!("DOB {}", date(self.holder.birth)),
            format!("SEX {}   CLASS {}", self.holder.sex, self.class),
            format!("ISS {}", date(self.issue)),
        ];
        for (i, fact) in facts.iter().enumerate() {
            sheet.write(400.0, 110.0 + 60.0 * i as f32, Anchor::Left, value, fact);
            sheet.next_row();
        }
        sheet.done(756)
    }
}
