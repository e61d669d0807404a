//! Network weights that are not ONNX, rewritten as ONNX graphs at install time.
