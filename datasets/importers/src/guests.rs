//! Rows as guests and rooms.

use innkeeper_hotel::{Guest, Room};

use crate::cells::{Cells, Flaw};
use crate::fields::{Field, Table};
use crate::rows::sealed::Read;

impl Read for Guest {
    const TABLE: Table = Table::Guests;
    const KEY: Option<Field> = Some(Field::Id);

    fn read(cells: &mut Cells<'_>) -> Result<Self, Flaw> {
        Ok(Self {
            id: cells.needed(Field::Id, cells.named(Field::Id)?)?,
            name: cells.kept(Field::Name)?,
            email: cells.kept(Field::Email)?,
            phone: cells.kept(Field::Phone)?,
            segment: cells.kept(Field::Segment)?,
            country: cells.kept(Field::Country)?,
        })
    }
}

impl Read for Room {
    const TABLE: Table = Table::Rooms;
    const KEY: Option<Field> = Some(Field::RoomNumber);

    fn read(cells: &mut Cells<'_>) -> Result<Self, Flaw> {
        let room_type = cells.room_type(Field::RoomType)?;
        Ok(Self {
            number: cells.needed(Field::RoomNumber, cells.named(Field::RoomNumber)?)?,
            room_type: cells.needed(Field::RoomType, room_type)?,
            floor: cells.count(Field::Floor)?,
        })
    }
}
