//! What stands between a route and its request: who may, and which pictures came.

mod allowed;
mod body;
mod form;
mod json;
pub(crate) mod lenient;

pub(crate) use allowed::{
    Allowed, CorrectFaces, GiveFeedback, IndexImages, ManageFaces, ManageKeys, ReadAudit, ReadDocuments,
    ReadForecasts, ReadModels, ReadPrices, Recognise, SearchImages, SeeRooms, SetPrices, TeachRooms,
    TrainModels,
};
pub(crate) use body::{Bodies, finish};
pub(crate) use form::{Form, FormFields, Pictures};
pub(crate) use json::{JsonBody, Strict, broken};
pub(crate) use lenient::flag;
