//! `/api/v1/cv/image/search`: pictures like a picture, by words, or the newest.

use std::time::Instant;

use axum::Json;
use axum::extract::State;
use innkeeper_core::ErrorCode;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::corrections::uuid;
use crate::app::App;
use crate::extract::{Allowed, Form, FormFields, SearchImages, lenient};
use crate::problem::{Problem, ProblemDocument};
use crate::service::images::{
    Query, Question, SearchAnswer, SearchInput, category, describe, moment, room, side, tags,
};

/// Longest text of a query, in characters, and most words of it.
const LONGEST_TEXT: usize = 500;
const MOST_WORDS: usize = 16;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(search))
}

/// What is looked for: one of `query_image`, `query_text` and `image_id`, or nothing for the newest pictures. The further
/// fields say which pictures count.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SearchBody {
    /// Pictures like this one: base64, or a data URI.
    query_image: Option<String>,
    /// Pictures that this describes. Needs a text-image model; with `match: "tags"` the words are looked for in tags,
    /// descriptions, kinds, colours and places instead.
    #[schema(max_length = 500)]
    query_text: Option<String>,
    /// More like this one, which is here.
    #[schema(format = Uuid)]
    image_id: Option<String>,
    /// How `query_text` is compared: `meaning` or `tags`.
    #[serde(rename = "match")]
    #[schema(default = "meaning", pattern = "^(meaning|tags)$")]
    matching: Option<String>,
    /// `room`, `lost_found`, `amenity` or `reference`; without it all but references.
    #[schema(example = "room", pattern = "^(room|lost_found|amenity|reference)$")]
    category: Option<String>,
    room_number: Option<String>,
    /// Of lost property: `found` or `lost`.
    side: Option<String>,
    /// Pictures that have all of these tags.
    #[serde(default, deserialize_with = "lenient::list")]
    tags: Vec<String>,
    /// Pictures that have one of these tags.
    #[serde(default, deserialize_with = "lenient::list")]
    tags_any: Vec<String>,
    /// Kept since then, RFC 3339.
    from: Option<String>,
    /// Kept before then, RFC 3339.
    to: Option<String>,
    /// Most results, 1 to 100; 10 when it is left out.
    #[serde(default, deserialize_with = "lenient::number")]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 100, default = 10)]
    top_k: Option<usize>,
    /// Least similarity, 0 to 1; `search.threshold` when it is left out.
    #[serde(default, deserialize_with = "lenient::number")]
    #[schema(value_type = Option<f32>, minimum = 0.0, maximum = 1.0)]
    threshold: Option<f32>,
    /// Where a page begins: `next_cursor` of the page before. By words and by tags a page may be short, or empty, though
    /// another follows.
    cursor: Option<String>,
}

impl FormFields for SearchBody {
    const IMAGES: &'static str = "query_image";
    const MANY: bool = false;
    const OPTIONAL: bool = true;
    fn take_images(&mut self) -> Vec<String> {
        self.query_image.take().into_iter().collect()
    }
}

/// The same as a form.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents the form; the fields are read by name")]
struct SearchForm {
    /// The picture file.
    #[schema(value_type = Option<String>, format = Binary)]
    image: Option<Vec<u8>>,
    query_text: Option<String>,
    image_id: Option<String>,
    #[schema(rename = "match")]
    matching: Option<String>,
    category: Option<String>,
    room_number: Option<String>,
    side: Option<String>,
    /// With commas between them.
    tags: Option<String>,
    /// With commas between them.
    tags_any: Option<String>,
    from: Option<String>,
    to: Option<String>,
    top_k: Option<u32>,
    threshold: Option<f32>,
    cursor: Option<String>,
}

fn bad(detail: &str) -> Problem {
    Problem::new(ErrorCode::BadRequest, detail)
}

/// The words of a text.
fn words(text: &str) -> Result<Vec<String>, Problem> {
    if text.chars().count() > LONGEST_TEXT {
        return Err(bad("query_text has at most 500 letters"));
    }
    let words: Vec<String> = text.split_whitespace().take(MOST_WORDS).map(str::to_lowercase).collect();
    if words.is_empty() { Err(bad("query_text holds no words")) } else { Ok(words) }
}

impl SearchBody {
    fn question(&mut self) -> Result<Question, Problem> {
        Ok(Question {
            categories: self.category.as_deref().map(category).transpose()?.into_iter().collect(),
            room: room(self.room_number.as_deref())?,
            side: side(self.side.as_deref())?,
            all_tags: tags(std::mem::take(&mut self.tags))?,
            any_tags: tags(std::mem::take(&mut self.tags_any))?,
            from: moment(self.from.as_deref(), "from")?,
            until: moment(self.to.as_deref(), "to")?,
        })
    }
}

/// Find pictures.
///
/// By a picture (`query_image`, or one that is here by `image_id`), by words, or, without a query, the newest. `similarity` is
/// the cosine of the two descriptors that the named model computed. A search by meaning (`query_text`) needs a text-image
/// model; where none is installed it is 503 `model_not_installed`, and `match: "tags"` searches the words that people wrote.
#[utoipa::path(
    post, path = "/api/v1/cv/image/search", tag = "images",
    security(("bearer" = ["cv:read"]), ("bearer" = ["cv:index"]), ("api_key" = ["cv:read"]), ("api_key" = ["cv:index"])),
    params(
        ("category" = Option<String>, Query, description = "With a raw picture, as the further fields of the body."),
        ("top_k" = Option<u32>, Query, description = "With a raw picture."),
        ("threshold" = Option<f32>, Query, description = "With a raw picture."),
    ),
    request_body(content(
        (SearchBody = "application/json"), (SearchForm = "multipart/form-data"), (Vec<u8> = "image/jpeg")
    )),
    responses(
        (status = 200, body = SearchAnswer),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn search(
    allowed: Allowed<SearchImages>,
    State(app): State<App>,
    Form { mut fields, images, room: _room }: Form<SearchBody>,
) -> Result<Json<SearchAnswer>, Problem> {
    let started = Instant::now();
    let question = fields.question()?;
    let top_k = fields.top_k.unwrap_or(10);
    if !(1..=100).contains(&top_k) {
        return Err(bad("top_k is 1 to 100"));
    }
    let threshold = fields.threshold.unwrap_or(app.settings.search.threshold);
    if !(0.0..=1.0).contains(&threshold) {
        return Err(bad("threshold is 0 to 1"));
    }
    if fields.matching.is_some() && fields.query_text.is_none() {
        return Err(bad("match says how query_text is compared"));
    }
    let image = images.into_iter().next();
    let query = match (image, fields.query_text.as_deref(), fields.image_id.as_deref()) {
        (Some(bytes), None, None) => {
            let (visual, limits) = (app.visual()?, app.settings.images.limits());
            let probe = app
                .photograph_admission
                .run(move |ticket| describe(&visual, &limits, &bytes, ticket))
                .await?;
            Query::Like(probe)
        }
        (None, Some(text), None) => match fields.matching.as_deref() {
            Some("tags") => Query::Words(words(text)?),
            None | Some("meaning") => {
                let detail = "a search by meaning needs a text-image model and none is installed; \
                              match: \"tags\" searches the words of tags and descriptions";
                return Err(Problem::new(ErrorCode::ModelNotInstalled, detail));
            }
            Some(_) => return Err(bad("match is meaning or tags")),
        },
        (None, None, Some(id)) => Query::LikeImage(uuid(id)?),
        (None, None, None) => Query::Newest,
        _ => return Err(bad("send one of query_image, query_text and image_id")),
    };
    let input = SearchInput { query, question, top_k, threshold, cursor: fields.cursor };
    let mut answer = app.images.search(&allowed.caller.hotel, input).await?;
    answer.took_ms = started.elapsed().as_secs_f64() * 1e3;
    metrics::histogram!("image_search_duration_seconds", "matched_by" => answer.matched_by)
        .record(started.elapsed());
    Ok(Json(answer))
}
