use serde::{Deserialize, Serialize};

/// A point in pixels; (0, 0) is the top left corner of the picture.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Point {
    /// Pixels to the right.
    pub x: f32,
    /// Pixels down.
    pub y: f32,
}

/// An axis-parallel box in pixels. It may reach outside the picture.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Rect {
    /// Left edge.
    pub x: f32,
    /// Top edge.
    pub y: f32,
    /// Width, not negative.
    pub w: f32,
    /// Height, not negative.
    pub h: f32,
}

impl Rect {
    /// The box with these two corners; a negative extent becomes zero.
    pub fn from_corners(left: f32, top: f32, right: f32, bottom: f32) -> Self {
        Self { x: left, y: top, w: (right - left).max(0.0), h: (bottom - top).max(0.0) }
    }

    /// Right edge.
    pub fn right(&self) -> f32 {
        self.x + self.w
    }

    /// Bottom edge.
    pub fn bottom(&self) -> f32 {
        self.y + self.h
    }

    /// Area in square pixels.
    pub fn area(&self) -> f32 {
        self.w * self.h
    }

    /// The middle of the box.
    pub fn centre(&self) -> Point {
        Point { x: self.x + self.w / 2.0, y: self.y + self.h / 2.0 }
    }

    /// Intersection over union, 0 to 1; 0 when both are empty.
    pub fn iou(&self, other: &Self) -> f32 {
        let w = (self.right().min(other.right()) - self.x.max(other.x)).max(0.0);
        let h = (self.bottom().min(other.bottom()) - self.y.max(other.y)).max(0.0);
        let union = self.area() + other.area() - w * h;
        if union > 0.0 { w * h / union } else { 0.0 }
    }

    /// The part of the box that lies inside a picture of this size.
    pub fn clipped(&self, width: u32, height: u32) -> Self {
        Self::from_corners(
            self.x.clamp(0.0, width as f32),
            self.y.clamp(0.0, height as f32),
            self.right().clamp(0.0, width as f32),
            self.bottom().clamp(0.0, height as f32),
        )
    }

    /// The box multiplied by `factor` about the picture's origin.
    pub fn scaled(&self, factor: f32) -> Self {
        Self { x: self.x * factor, y: self.y * factor, w: self.w * factor, h: self.h * factor }
    }

    /// The box grown by `margin` times its own size on each side.
    pub fn grown(&self, margin: f32) -> Self {
        let (dx, dy) = (self.w * margin, self.h * margin);
        Self { x: self.x - dx, y: self.y - dy, w: self.w + 2.0 * dx, h: self.h + 2.0 * dy }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iou_of_half_overlapping_boxes_is_a_third() {
        let a = Rect { x: 0.0, y: 0.0, w: 10.0, h: 10.0 };
        let b = Rect { x: 5.0, y: 0.0, w: 10.0, h: 10.0 };
        assert!((a.iou(&b) - 1.0 / 3.0).abs() < 1e-6);
        assert!(Rect::default().iou(&Rect::default()).abs() < f32::EPSILON);
    }

    #[test]
    fn clipping_keeps_only_what_is_inside() {
        let b = Rect { x: -5.0, y: 90.0, w: 20.0, h: 20.0 }.clipped(100, 100);
        assert_eq!(b, Rect { x: 0.0, y: 90.0, w: 15.0, h: 10.0 });
        let outside = Rect { x: 200.0, y: 0.0, w: 5.0, h: 5.0 }.clipped(100, 100);
        assert!(outside.area().abs() < f32::EPSILON);
    }
}
