use std::collections::VecDeque;

use innkeeper_hotel::{BookingId, Money, ServiceUse};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rust_decimal::Decimal;

use crate::draft::Draft;
use crate::record::Record;
use crate::simulation::Simulation;
use crate::truth::Per;

impl Simulation {
    /// The services that the guests of a booking used by the last known day. Each is used in the morning after a night,
    /// so that a stay of three nights has three days of use.
    pub(crate) fn use_services(
        &self,
        draft: &Draft,
        id: &BookingId,
        random: &mut ChaCha8Rng,
        out: &mut VecDeque<Record>,
    ) {
        if draft.room.is_none() {
            return;
        }
        let segment = &self.truth.segments[usize::from(draft.segment)].name;
        for day in draft.arrival as usize + 1..=draft.departure().min(self.calendar.last_day) {
            for service in &self.truth.services {
                let chance = service.chance.get(segment).copied().unwrap_or(0.0);
                if random.random::<f64>() >= chance {
                    continue;
                }
                let quantity = match service.per {
                    Per::Room => 1,
                    Per::Person => u32::from(draft.adults) + u32::from(draft.children),
                };
                let amount = Decimal::try_from(service.price)
                    .ok()
                    .and_then(|price| self.truth.currency.round(price).checked_mul(Decimal::from(quantity)))
                    .map(|amount| Money { amount, currency: self.truth.currency });
                out.push_back(Record::ServiceUse(ServiceUse {
                    booking: id.clone(),
                    guest: Self::guest_id(draft.guest),
                    service: service.name.clone(),
                    used_on: self.calendar.date(day),
                    quantity,
                    amount,
                }));
            }
        }
    }
}
