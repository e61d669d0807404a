//! The candidate as a version of the registry: files, metrics, card.

use innkeeper_heads::{Figures, HeadError, Spread};
use serde_json::json;

use super::train::Candidate;
use super::{CURVE, HEAD, NAME};
use crate::{Card, File, Name, PlotError, Record, Registry, RegistryError, Table, curve_svg};

/// What became of a candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// Its version.
    pub record: Record,
    /// Whether it is champion now.
    pub promoted: bool,
}

/// Why a candidate could not be registered.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// The registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The head's JSON.
    #[error(transparent)]
    Head(#[from] HeadError),
    /// The plot.
    #[error(transparent)]
    Plot(#[from] PlotError),
}

/// Registers a candidate: [`HEAD`], [`CURVE`] where there is one, metrics and card. Promotes it if its verdict says so.
///
/// # Errors
/// [`RegisterError`].
pub fn register(registry: &Registry, candidate: &Candidate, by: &str) -> Result<Registered, RegisterError> {
    let name: Name = NAME.parse().map_err(RegistryError::Name)?;
    let head = candidate.head.to_json()?;
    let curve = candidate.curve()?;
    let mut files = vec![File { name: HEAD, bytes: head.as_bytes() }];
    if let Some(svg) = &curve {
        files.push(File { name: CURVE, bytes: svg.as_bytes() });
    }
    let record = registry.register(&name, &files, &candidate.metrics(), &candidate.card())?;
    let promoted = candidate.verdict.promote;
    if promoted {
        registry.promote(&name, record.version, by)?;
    }
    Ok(Registered { record, promoted })
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |v| format!("{v:.3}"))
}

fn spread(value: Option<Spread>) -> String {
    value.map_or_else(|| "–".to_owned(), |s| format!("{:.3} ± {:.3}", s.mean, s.deviation))
}

impl Candidate {
    /// What corrections buy, drawn as SVG; `None` where there were too few labels for a curve.
    ///
    /// # Errors
    /// [`PlotError`].
    pub fn curve(&self) -> Result<Option<String>, PlotError> {
        if self.curves.is_empty() {
            return Ok(None);
        }
        curve_svg(&self.curves, "What corrections buy").map(Some)
    }

    /// All figures, for machines.
    pub fn metrics(&self) -> serde_json::Value {
        serde_json::to_value(self).unwrap_or_else(|e| json!({ "reasons": [e.to_string()] }))
    }

    /// The model card, as Markdown.
    pub fn card(&self) -> String {
        let embedder = self.head.embedder();
        let mut remarks = vec![format!("Against the champion: {}.", self.verdict.reason)];
        if let Some(control) = &self.control {
            remarks.push(format!("Against a head taught shuffled corrections: {}.", control.reason));
        }
        remarks.extend(self.reasons.iter().map(|r| format!("{r}.")));
        let card = Card {
            title: "room-tags: what a room photograph shows".to_owned(),
            purpose: "tags of a room photograph with a calibrated probability each, and abstaining where nothing supports a \
                      decision."
                .to_owned(),
            method: "ridge-logistic units on frozen image embeddings, their ridge chosen by cross-validation over groups, \
                     calibrated by Platt scaling (1999) on held-out logits; corrections pull the units away from where they \
                     were, as far as the ridge lets them."
                .to_owned(),
            input: format!("an embedding of {embedder}, {} numbers of Euclidean length 1.", self.head.dimension()),
            output: format!(
                "per label ({}) a probability of 0 to 1 and present, absent or unsure.",
                self.head.labels().collect::<Vec<_>>().join(", ")
            ),
            data: "Only the weights are kept, no picture and no embedding.".to_owned(),
            sources: self.source_table(),
            command: None,
            measured: "By cross-validation over groups; mean and standard deviation over repeats with other folds. The hotel's \
                       own pictures are judged by heads refitted without their rooms."
                .to_owned(),
            figures: self.figure_table(),
            remarks,
            limits: vec!["It knows what its training pictures show, in the light and from the angles they were taken.".to_owned()],
        };
        card.markdown()
    }

    fn source_table(&self) -> Table {
        let rows = self.sources.iter().map(|s| {
            let labels: Vec<String> = s
                .labels
                .iter()
                .map(|(l, (with, without))| format!("{l}: {with} with, {without} without"))
                .collect();
            vec![s.source.clone(), s.pictures.to_string(), s.groups.to_string(), labels.join("; ")]
        });
        let columns = ["source", "pictures", "groups", "labels"].map(str::to_owned).to_vec();
        Table { columns, rows: rows.collect() }
    }

    fn figure_table(&self) -> Table {
        let columns = [
            "label",
            "judged",
            "pictures",
            "AUC",
            "accuracy",
            "F1",
            "recall at 5 % false alarms",
            "log-loss",
            "ECE",
        ];
        let mut rows = Vec::new();
        for (label, s) in &self.seed {
            let f = &s.figures;
            let mut row =
                vec![label.clone(), "cross-validated".to_owned(), format!("{} of {}", f.positives, f.n)];
            row.extend([s.auc, s.accuracy, s.f1, s.recall_at_5pct].map(spread));
            row.extend([number(Some(f.log_loss)), number(Some(f.ece))]);
            rows.push(row);
            rows.push(
                [label.as_str(), "shuffled labels", "", &number(s.control_auc), "", "", "", "", ""]
                    .map(str::to_owned)
                    .to_vec(),
            );
        }
        let plain = |label: &str, who: &str, f: &Figures| {
            let mut row = vec![label.to_owned(), who.to_owned(), format!("{} of {}", f.positives, f.n)];
            row.extend(
                [f.auc, Some(f.accuracy), f.f1, f.recall_at_5pct, Some(f.log_loss), Some(f.ece)].map(number),
            );
            row
        };
        for (label, own) in &self.own {
            for (who, figures) in [("own, champion", &own.champion), ("own, candidate", &own.candidate)] {
                rows.extend(figures.as_ref().map(|f| plain(label, who, f)));
            }
        }
        Table { columns: columns.map(str::to_owned).to_vec(), rows }
    }
}
