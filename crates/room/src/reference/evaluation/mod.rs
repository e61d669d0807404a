//! What the comparison is worth: how quiet it is when only the camera changed, what it finds when a thing was put
//! down or taken away, and whether it knows that another view is another view.
//!
//! Every figure is of pictures whose source had no part in fitting the numbers that decided.

mod fit;
mod protocol;
mod scenes;

pub use protocol::{Figures, Material, Photo, SizeFigures, measure};
pub use scenes::{Camera, blurred, place, with_thing};
