//! Which service or room to offer a guest.
