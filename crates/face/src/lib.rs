//! Faces: detect, align, judge quality and liveness, embed, match.
