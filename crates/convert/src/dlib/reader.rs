//! dlib's serialised numbers and strings (`dlib/serialize.h`, `dlib/float_details.h`).

use crate::ConvertError;

const FORMAT: &str = "dlib";

/// Reads a serialised stream from front to back. Every length is checked against what is left of the
/// stream before anything is allocated for it.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// Starts at the front of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Bytes read so far.
    pub fn position(&self) -> usize {
        self.at
    }

    /// Bytes left.
    pub fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    pub(crate) fn bad(&self, detail: &str) -> ConvertError {
        ConvertError::malformed(FORMAT, format!("{detail} (before byte {})", self.at))
    }

    fn take(&mut self, count: usize, what: &'static str) -> Result<&'a [u8], ConvertError> {
        let taken = self
            .at
            .checked_add(count)
            .and_then(|end| self.bytes.get(self.at..end))
            .ok_or(ConvertError::Truncated { what, offset: self.at, needed: count, left: self.left() })?;
        self.at += count;
        Ok(taken)
    }

    /// A packed integer: one byte holds the number of bytes that follow (low nibble) and the sign (0x80),
    /// then the magnitude, least byte first.
    ///
    /// # Errors
    /// At the end of the stream, or when the integer does not fit 64 bits.
    pub fn int(&mut self) -> Result<i64, ConvertError> {
        let head = self.take(1, "an integer")?[0];
        let count = usize::from(head & 0x0f);
        if head & 0x70 != 0 || !(1..=8).contains(&count) {
            return Err(self.bad("no packed integer here"));
        }
        let magnitude =
            self.take(count, "an integer")?.iter().rev().fold(0_u64, |n, &byte| n << 8 | u64::from(byte));
        let value = i64::try_from(magnitude).map_err(|_| self.bad("an integer above 64 bits"))?;
        Ok(if head & 0x80 == 0 { value } else { -value })
    }

    /// A packed integer that counts something.
    ///
    /// # Errors
    /// As [`Reader::int`], or when it is negative.
    pub fn count(&mut self) -> Result<usize, ConvertError> {
        usize::try_from(self.int()?).map_err(|_| self.bad("a count below zero"))
    }

    /// The length of a list whose elements take at least `least` bytes each in the stream.
    ///
    /// # Errors
    /// As [`Reader::count`], or when the stream is too short for such a list.
    pub fn list(&mut self, least: usize) -> Result<usize, ConvertError> {
        let count = self.count()?;
        let needed = count.saturating_mul(least);
        if needed > self.left() {
            return Err(ConvertError::Truncated {
                what: "a list",
                offset: self.at,
                needed,
                left: self.left(),
            });
        }
        Ok(count)
    }

    /// A portable float: packed mantissa and packed power of two, infinity and NaN as powers from 32000 on.
    ///
    /// # Errors
    /// As [`Reader::int`].
    pub fn float(&mut self) -> Result<f32, ConvertError> {
        let mantissa = self.int()?;
        Ok(match self.int()? {
            32000 => f32::INFINITY,
            32001 => f32::NEG_INFINITY,
            32002 => f32::NAN,
            power => {
                let power = power.clamp(-1100, 1100) as i32;
                (mantissa as f64 * 2_f64.powi(power)) as f32
            }
        })
    }

    /// A bool, one character `1` or `0`.
    ///
    /// # Errors
    /// At the end of the stream or at another character.
    pub fn bool(&mut self) -> Result<bool, ConvertError> {
        match self.take(1, "a bool")? {
            b"1" => Ok(true),
            b"0" => Ok(false),
            _ => Err(self.bad("no bool here")),
        }
    }

    /// A string: its packed length, then its bytes.
    ///
    /// # Errors
    /// At the end of the stream, or when it is not UTF-8.
    pub fn string(&mut self) -> Result<&'a str, ConvertError> {
        let count = self.count()?;
        let raw = self.take(count, "a string")?;
        std::str::from_utf8(raw).map_err(|_| self.bad("a string that is not UTF-8"))
    }

    /// Raw little-endian 32-bit floats.
    ///
    /// # Errors
    /// At the end of the stream.
    pub fn floats(&mut self, count: usize) -> Result<Vec<f32>, ConvertError> {
        let raw = self.take(count.saturating_mul(4), "raw floats")?;
        Ok(raw.chunks_exact(4).map(|raw| f32::from_le_bytes([raw[0], raw[1], raw[2], raw[3]])).collect())
    }

    /// A tensor: version 2, four packed sides, raw floats.
    ///
    /// # Errors
    /// At the end of the stream, or at another version.
    pub fn tensor(&mut self) -> Result<([usize; 4], Vec<f32>), ConvertError> {
        if self.int()? != 2 {
            return Err(self.bad("a tensor of another version than 2"));
        }
        let mut sides = [0; 4];
        for side in &mut sides {
            *side = self.count()?;
        }
        let count = sides.iter().try_fold(1_usize, |n, &side| n.checked_mul(side)).unwrap_or(usize::MAX);
        Ok((sides, self.floats(count)?))
    }
}
