//! Receipts and A4 invoices.

use chrono::{NaiveDate, TimeDelta};
use innkeeper_core::Rect;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rust_decimal::{Decimal, RoundingStrategy};

use super::language::Language;
use super::sheet::{Anchor, Drawn, Pen, Sheet};

/// The layout of a bill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A strip from a till.
    Receipt,
    /// A page of A4 with a table.
    Invoice,
}

/// A row of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    pub description: String,
    pub quantity: u32,
    pub unit_price: Decimal,
    pub amount: Decimal,
}

/// A bill before it is drawn: the truth.
#[derive(Debug, Clone, PartialEq)]
pub struct Bill {
    pub language: Language,
    pub kind: Kind,
    pub company: String,
    pub address: Vec<String>,
    pub tax_id: String,
    pub number: String,
    pub date: NaiveDate,
    pub due: Option<NaiveDate>,
    pub items: Vec<Item>,
    /// Sum of the items.
    pub subtotal: Decimal,
    pub tax_percent: Decimal,
    pub tax: Decimal,
    /// Whether the items' prices hold the tax already, so that `total` is `subtotal`.
    pub tax_included: bool,
    pub total: Decimal,
    /// ISO 4217.
    pub currency: &'static str,
    /// Written across the foot.
    pub note: Option<String>,
}

impl Bill {
    /// A bill that nobody was ever sent.
    pub fn invented(kind: Kind, language: Language, seed: u64) -> Self {
        let rng = &mut ChaCha8Rng::seed_from_u64(seed ^ 0xb111);
        let phrases = language.phrases();
        let decimals = language.decimals();
        let count = match kind {
            Kind::Receipt => rng.random_range(2..=6),
            Kind::Invoice => rng.random_range(3..=8),
        };
        let items: Vec<Item> = phrases
            .goods
            .choose_multiple(rng, count)
            .map(|description| {
                let quantity = *[1, 1, 1, 2, 3, 5, 12].choose(rng).expect("some");
                let unit_price = Decimal::new(rng.random_range(4..=400) * language.price_step(), decimals);
                let amount = unit_price * Decimal::from(quantity);
                Item { description: (*description).to_owned(), quantity, unit_price, amount }
            })
            .collect();
        let subtotal: Decimal = items.iter().map(|item| item.amount).sum();
        let tax_percent = language.tax_percent();
        let tax_included = kind == Kind::Receipt && matches!(language, Language::German | Language::French);
        let whole = Decimal::ONE_HUNDRED;
        let exact = if tax_included {
            subtotal * tax_percent / (whole + tax_percent)
        } else {
            subtotal * tax_percent / whole
        };
        let mut tax = exact.round_dp_with_strategy(decimals, RoundingStrategy::MidpointAwayFromZero);
        tax.rescale(decimals);
        let total = if tax_included { subtotal } else { subtotal + tax };
        let date =
            NaiveDate::from_ymd_opt(2025, 1, 1).expect("a day") + TimeDelta::days(rng.random_range(0..600));
        Self {
            language,
            kind,
            company: (*phrases.companies.choose(rng).expect("some")).to_owned(),
            address: vec![
                (*phrases.streets.choose(rng).expect("some")).to_owned(),
                (*phrases.cities.choose(rng).expect("some")).to_owned(),
            ],
            tax_id: format!("{:010}", rng.random_range(100_000_000_u64..9_999_999_999)),
            number: format!("{}-{:05}", rng.random_range(2024..2027), rng.random_range(1..99_999)),
            date,
            due: (kind == Kind::Invoice).then(|| date + TimeDelta::days(30)),
            items,
            subtotal,
            tax_percent,
            tax,
            tax_included,
            total,
            currency: language.currency(),
            note: None,
        }
    }

    /// The bill on paper: a receipt 640 pixels wide, an invoice 1,240 x 1,754 (A4 at 150 dots per inch).
    pub fn draw(&self) -> Drawn {
        match self.kind {
            Kind::Receipt => self.draw_receipt(),
            Kind::Invoice => self.draw_invoice(),
        }
    }

    fn tax_label(&self) -> String {
        let phrases = self.language.phrases();
        let label = if self.tax_included { phrases.tax_included } else { phrases.tax };
        let point =
            if self.language == Language::English || self.language == Language::Chinese { "." } else { "," };
        format!("{label} {}%", self.tax_percent.normalize().to_string().replace('.', point))
    }

    fn draw_receipt(&self) -> Drawn {
        let (language, phrases) = (self.language, self.language.phrases());
        let [_, bold, mono] = language.faces();
        let (width, margin, step) = (640.0, 36.0, 36.0);
        let (big, text) = (Pen::new(bold, 32.0), Pen::new(mono, 26.0));
        let strong = Pen::new(bold, 30.0);
        let mut sheet = Sheet::new(width as u32, 2400, [250, 249, 245]);
        let mut y = 40.0;
        let centred = |sheet: &mut Sheet, y: &mut f32, pen: Pen, said: &str| {
            // A long name takes a smaller font, as tills do.
            let room = width - 2.0 * margin;
            let size = pen.size * (room / pen.width(said)).min(1.0);
            sheet.write(width / 2.0, *y, Anchor::Centre, Pen { size, ..pen }, said);
            sheet.next_row();
            *y += step;
        };
        centred(&mut sheet, &mut y, big, &self.company);
        y += 6.0;
        for line in &self.address {
            centred(&mut sheet, &mut y, text, line);
        }
        centred(&mut sheet, &mut y, text, &format!("{}: {}", phrases.tax_id, self.tax_id));
        y += 16.0;
        centred(&mut sheet, &mut y, big, phrases.receipt);
        y += 12.0;
        let pair = |sheet: &mut Sheet, y: &mut f32, pen: Pen, left: &str, right: &str| {
            sheet.write(margin, *y, Anchor::Left, pen, left);
            sheet.write(width - margin, *y, Anchor::Right, pen, right);
            sheet.next_row();
            *y += step;
        };
        pair(&mut sheet, &mut y, text, phrases.number, &self.number);
        pair(&mut sheet, &mut y, text, phrases.date, &language.day(self.date));
        rule(&mut sheet, margin, width - margin, &mut y);
        for item in &self.items {
            sheet.write(margin, y, Anchor::Left, text, &item.description);
            sheet.next_row();
            y += step;
            let price = format!("{} x {}", item.quantity, language.number(item.unit_price));
            pair(&mut sheet, &mut y, text, &format!("  {price}"), &language.number(item.amount));
        }
        rule(&mut sheet, margin, width - margin, &mut y);
        if self.tax_included {
            pair(&mut sheet, &mut y, strong, phrases.total, &language.money(self.total));
            pair(&mut sheet, &mut y, text, &self.tax_label(), &language.number(self.tax));
        } else {
            pair(&mut sheet, &mut y, text, phrases.subtotal, &language.number(self.subtotal));
            pair(&mut sheet, &mut y, text, &self.tax_label(), &language.number(self.tax));
            pair(&mut sheet, &mut y, strong, phrases.total, &language.money(self.total));
        }
        pair(&mut sheet, &mut y, text, phrases.cash, &language.number(self.total));
        y += 20.0;
        centred(&mut sheet, &mut y, text, phrases.thanks);
        if let Some(note) = &self.note {
            y += 10.0;
            centred(&mut sheet, &mut y, strong, note);
        }
        sheet.done(y as u32 + 40)
    }

    fn draw_invoice(&self) -> Drawn {
        let (language, phrases) = (self.language, self.language.phrases());
        let [sans, bold, _] = language.faces();
        let (text, strong, title) = (Pen::new(sans, 26.0), Pen::new(bold, 26.0), Pen::new(bold, 46.0));
        let (left, right) = (100.0, 1140.0);
        let mut sheet = Sheet::new(1240, 1754, [252, 252, 252]);
        sheet.write(left, 100.0, Anchor::Left, Pen { size: 34.0, ..strong }, &self.company);
        sheet.next_row();
        let mut y = 150.0;
        for line in &self.address {
            sheet.write(left, y, Anchor::Left, text, line);
            sheet.next_row();
            y += 36.0;
        }
        sheet.write(left, y, Anchor::Left, text, &format!("{}: {}", phrases.tax_id, self.tax_id));
        sheet.next_row();
        sheet.write(left, 330.0, Anchor::Left, title, phrases.invoice);
        sheet.next_row();
        y = 420.0;
        let mut facts = vec![(phrases.number, self.number.clone()), (phrases.date, language.day(self.date))];
        facts.extend(self.due.map(|due| (phrases.due, language.day(due))));
        facts.push((phrases.bill_to, "Hotel Aurora".to_owned()));
        for (label, value) in facts {
            sheet.write(left, y, Anchor::Left, strong, label);
            sheet.write(left + 320.0, y, Anchor::Left, text, &value);
            sheet.next_row();
            y += 40.0;
        }
        y += 40.0;
        let columns =
            [(left, Anchor::Left), (720.0, Anchor::Right), (930.0, Anchor::Right), (right, Anchor::Right)];
        sheet.fill(
            Rect { x: left - 12.0, y: y - 10.0, w: right - left + 24.0, h: 48.0 },
            [222, 228, 236],
            1.0,
        );
        for ((x, anchor), name) in columns.into_iter().zip(phrases.columns) {
            sheet.write(x, y, anchor, strong, name);
        }
        sheet.next_row();
        y += 52.0;
        for item in &self.items {
            let cells = [
                item.description.clone(),
                item.quantity.to_string(),
                language.number(item.unit_price),
                language.number(item.amount),
            ];
            for ((x, anchor), cell) in columns.into_iter().zip(cells) {
                sheet.write(x, y, anchor, text, &cell);
            }
            sheet.next_row();
            y += 42.0;
        }
        rule(&mut sheet, left, right, &mut y);
        let mut sums = vec![(phrases.subtotal.to_owned(), self.subtotal), (self.tax_label(), self.tax)];
        if self.tax_included {
            sums.remove(0);
        }
        for (label, value) in sums {
            sheet.write(930.0, y, Anchor::Right, text, &label);
            sheet.write(right, y, Anchor::Right, text, &language.number(value));
            sheet.next_row();
            y += 42.0;
        }
        sheet.write(930.0, y, Anchor::Right, Pen { size: 32.0, ..strong }, phrases.total);
        sheet.write(right, y, Anchor::Right, Pen { size: 32.0, ..strong }, &language.money(self.total));
        sheet.next_row();
        sheet.write(left, 1640.0, Anchor::Left, text, phrases.thanks);
        if let Some(note) = &self.note {
            sheet.write(right, 1640.0, Anchor::Right, strong, note);
        }
        sheet.done(1754)
    }
}

/// A line across, and some room below it.
fn rule(sheet: &mut Sheet, left: f32, right: f32, y: &mut f32) {
    sheet.fill(Rect { x: left, y: *y + 8.0, w: right - left, h: 2.0 }, [60; 3], 1.0);
    *y += 24.0;
}
