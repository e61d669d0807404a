//! The fonts, from packages of Debian.

use std::sync::OnceLock;

use ab_glyph::FontVec;

/// A font.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Face {
    Sans,
    SansBold,
    Serif,
    SerifBold,
    Mono,
    MonoBold,
    /// What machine-readable zones are printed in (ISO 1073-2).
    OcrB,
    /// Chinese and Latin letters.
    Chinese,
}

const FACES: usize = 8;

impl Face {
    /// The file and the package that brings it.
    fn file(self) -> (&'static str, &'static str) {
        const DEJAVU: &str = "fonts-dejavu-core";
        match self {
            Self::Sans => ("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf", DEJAVU),
            Self::SansBold => ("/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf", DEJAVU),
            Self::Serif => ("/usr/share/fonts/truetype/dejavu/DejaVuSerif.ttf", DEJAVU),
            Self::SerifBold => ("/usr/share/fonts/truetype/dejavu/DejaVuSerif-Bold.ttf", DEJAVU),
            Self::Mono => ("/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf", DEJAVU),
            Self::MonoBold => ("/usr/share/fonts/truetype/dejavu/DejaVuSansMono-Bold.ttf", DEJAVU),
            Self::OcrB => ("/usr/share/fonts/opentype/ocr-b/OCRB.otf", "fonts-ocr-b"),
            Self::Chinese => ("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc", "fonts-wqy-microhei"),
        }
    }

    /// The font, read once.
    pub fn font(self) -> &'static FontVec {
        static READ: [OnceLock<FontVec>; FACES] = [const { OnceLock::new() }; FACES];
        READ[self as usize].get_or_init(|| {
            let (file, package) = self.file();
            let bytes = std::fs::read(file)
                .unwrap_or_else(|e| panic!("{file}: {e}; it is in Debian: apt-get install {package}"));
            FontVec::try_from_vec_and_index(bytes, 0)
                .unwrap_or_else(|e| panic!("{file} is no font ({e}); apt-get install --reinstall {package}"))
        })
    }
}
