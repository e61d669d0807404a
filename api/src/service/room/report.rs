//! What is known of a room.

use std::collections::BTreeMap;

use innkeeper_core::{HotelId, RoomNumber};
use innkeeper_store::{Verdict, VerdictSource};

use super::answers::{RoomReport, VerdictReport};
use super::desk::RoomDesk;
use super::reference_photos::reference_reports;
use crate::app::App;
use crate::problem::Problem;
use crate::service::feedback::instant;

/// Verdicts that are told of a room.
const HISTORY: usize = 20;

fn texts(value: &serde_json::Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(|v| Some(v.as_str()?.to_owned())).collect()
}

fn told(verdict: Verdict) -> VerdictReport {
    let mut content = verdict.content;
    VerdictReport {
        verdict_id: verdict.id,
        answer_id: verdict.answer_id,
        status: verdict.status,
        ready_for_guest: verdict.ready,
        source: verdict.source.as_str().to_owned(),
        by: verdict.created_by,
        at: instant(verdict.created_at),
        room_type: verdict.room_type,
        missing: texts(&content["missing"]),
        estimated_cleaning_time_minutes: content["estimated_cleaning_time_minutes"].as_f64(),
        no_estimate: content["no_estimate"].as_str().map(str::to_owned),
        reasons: texts(&content["reasons"]),
        models: verdict.models,
        tags: content["tags"].take(),
    }
}

impl RoomDesk {
    /// What is known of a room.
    pub async fn report(&self, app: &App, hotel: &HotelId, room: &RoomNumber) -> Result<RoomReport, Problem> {
        let rows = self.engines.store.hotel(hotel);
        let page = rows.verdicts(room, None, HISTORY).await?;
        let head = match app.visual() {
            Ok(visual) => self.heads.for_embedder(hotel, &visual.embedder.model()).head,
            Err(_) => self.heads.of(hotel),
        };
        let learnt = head.as_ref().and_then(|head| head.learnt_until);
        let open = page.verdicts.iter().filter(|verdict| {
            verdict.source == VerdictSource::Correction && learnt.is_none_or(|at| verdict.created_at > at)
        });
        let open_corrections = open.map(|verdict| verdict.id).collect();
        let mut verdicts = page.verdicts.into_iter().map(told);
        let verdict = verdicts.next();
        let references = reference_reports(app, hotel, &rows.references(room).await?).await?;
        let last_cleaning = rows.last_cleaning(room).await?.map(Into::into);
        let mut reasons = BTreeMap::new();
        if verdict.is_none() {
            let why = "no photo of this room was analysed yet; POST /api/v1/cv/room/analyze does";
            for field in ["status", "ready_for_guest", "verdict"] {
                reasons.insert(field, why.to_owned());
            }
        }
        if references.is_empty() {
            let why = "no reference photo is kept; POST /api/v1/cv/room/{room_number}/reference keeps one";
            reasons.insert("references", why.to_owned());
        }
        if last_cleaning.is_none() {
            reasons.insert("last_cleaning", "no cleaning of this room was recorded".to_owned());
        }
        if head.is_none() {
            reasons.insert("model", "the head of this build cannot be read; the log says why".to_owned());
        }
        Ok(RoomReport {
            room_number: room.to_string(),
            status: verdict.as_ref().map(|v| v.status.clone()),
            ready_for_guest: verdict.as_ref().map(|v| v.ready_for_guest),
            history: verdicts.collect(),
            verdict,
            references,
            open_corrections,
            model: head.map(|head| head.name()),
            last_cleaning,
            reasons_for_null: reasons,
        })
    }
}
