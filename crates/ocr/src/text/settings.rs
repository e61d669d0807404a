use serde::{Deserialize, Serialize};

/// How far lines are padded on the right before they are read. The networks see the padding, so a letter in doubt
/// may come out differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Padding {
    /// To the next multiple of 16 pixels: nothing is computed in vain, and no line depends on the others.
    Tight,
    /// To the widest of each `batch` lines in order of length, as the models' usual Python hosts do; with a batch of 6
    /// and a `min_width` of 320 most of their texts come out letter for letter.
    Shared,
}

/// How text is found and read. The defaults of the detector are those its authors and its usual Python host use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TextSettings {
    /// Longest side in pixels of the page as it is looked at; larger ones are reduced for it. Default 2000.
    pub max_side: u32,
    /// Shorter side in pixels of the detector's input, to which smaller pages are enlarged. Default 736.
    pub detection_side: u32,
    /// Size of the detector's input by that of the page as it is looked at, where the shorter side allows it; 0 to 1,
    /// default 1. Less is faster and reads as well, but its boxes are looser.
    pub detection_scale: f32,
    /// Probability of a pixel from which on it belongs to text, default 0.3.
    pub pixel_threshold: f32,
    /// Mean probability in a box from which on it is text, default 0.5.
    pub box_threshold: f32,
    /// How far a box grows, times its area over its perimeter, default 1.6.
    pub unclip_ratio: f32,
    /// Most borders that are looked at, default 3000.
    pub max_boxes: usize,
    /// Mean probability of its characters from which on a line is kept, 0 to 1, default 0.5.
    pub line_threshold: f32,
    /// Probability from which on a line is taken for upside down, default 0.9.
    pub angle_threshold: f32,
    /// How far lines are padded to be computed together, default `tight`.
    pub padding: Padding,
    /// Narrowest input of the recogniser in pixels, a multiple of 16. Default 32; 320, as the models were trained with, reads no
    /// better and costs more.
    pub min_width: u32,
    /// Widest input of the recogniser in pixels, a multiple of 16; longer lines are squeezed. Default 4800.
    pub max_width: u32,
    /// Lines of one width that are read in one call, default 1: more are no faster on a CPU.
    pub batch: usize,
    /// Degrees of skew from which on a page is turned upright, default 0.5; up to 45.
    pub min_skew: f32,
}

impl Default for TextSettings {
    fn default() -> Self {
        Self {
            max_side: 2000,
            detection_side: 736,
            detection_scale: 1.0,
            pixel_threshold: 0.3,
            box_threshold: 0.5,
            unclip_ratio: 1.6,
            max_boxes: 3000,
            line_threshold: 0.5,
            angle_threshold: 0.9,
            padding: Padding::Tight,
            min_width: 32,
            max_width: 4800,
            batch: 1,
            min_skew: 0.5,
        }
    }
}
