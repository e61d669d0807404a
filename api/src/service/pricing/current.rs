//! The price on sale.

use chrono::{Days, NaiveDate};
use innkeeper_core::HotelId;
use innkeeper_hotel::{Currency, RoomTypeName};

use super::answers::CurrentPrice;
use super::desk::PricingDesk;
use super::question;
use crate::problem::Problem;
use crate::service::forecast::today;

impl PricingDesk {
    /// The price of a night of a room type that is on sale today; of the coming night where none is named.
    pub async fn current(
        &self,
        hotel: &HotelId,
        room_type: &RoomTypeName,
        date: Option<NaiveDate>,
    ) -> Result<CurrentPrice, Problem> {
        let (rows, today) = (self.store.hotel(hotel), today(self.zone));
        let date = date.unwrap_or(today);
        let next = date.checked_add_days(Days::new(1)).unwrap_or(date);
        let rates = rows.rates_as_of(date..next, today).await?;
        let rate = rates.into_iter().find(|rate| rate.room_type == *room_type);
        if rate.is_none() && rows.room_types().await?.iter().all(|(name, _)| name != room_type) {
            // Only bookings can know it now.
            question::has(&self.known(hotel).await?.base.room_types(), room_type)?;
        }
        let reason = rate.is_none().then(|| {
            format!(
                "no price of {room_type} on {date} is known; `innkeeper import rates FILE` or a published schedule brings it"
            )
        });
        Ok(CurrentPrice {
            room_type: room_type.to_string(),
            date,
            current_price: rate.as_ref().map(|rate| rate.price.amount),
            currency: rate.as_ref().map(|rate| Currency::code(rate.price.currency).to_owned()),
            tax_inclusive: self.settings.tax_inclusive,
            since: rate.as_ref().map(|rate| rate.set_on),
            source: rate.as_ref().map(|_| "rates"),
            reason,
        })
    }
}
