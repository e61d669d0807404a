//! Converts one weights file: `cargo run --example convert -- edgeface-xs edgeface_xs_q.pt edgeface_xs.onnx`.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [network, from, to] = arguments.as_slice() else {
        return Err("usage: convert NETWORK WEIGHTS ONNX".into());
    };
    let onnx = innkeeper_convert::convert(network.parse()?, &std::fs::read(from)?)?;
    std::fs::write(to, onnx)?;
    Ok(())
}
