//! Objects with boxes in a picture.
