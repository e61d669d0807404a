//! `/problems`: what every code means. The `type` of a problem document leads here.

use axum::response::Html;
use innkeeper_core::ErrorCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::problem::status;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(problems))
}

/// Every problem code with its status and meaning, for people; `#CODE` is the place of a code.
#[utoipa::path(
    get, path = "/problems", tag = "problems",
    responses((status = 200, body = String, content_type = "text/html"))
)]
async fn problems() -> Html<String> {
    Html(page())
}

fn page() -> String {
    let rows: Vec<String> = ErrorCode::ALL
        .iter()
        .map(|code| {
            let (name, status) = (code.as_str(), status(*code).as_u16());
            let meaning = escaped(code.meaning());
            format!("<tr id=\"{name}\"><td><code>{name}</code></td><td>{status}</td><td>{meaning}</td></tr>")
        })
        .collect();
    let rows = rows.join("\n");
    format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Innkeeper: problem codes</title>\n\
         <h1>Problem codes</h1>\n<table>\n<tr><th>code</th><th>status</th><th>meaning</th></tr>\n{rows}\n</table>\n</html>\n"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Problem;

    #[test]
    fn the_type_of_every_problem_leads_to_its_meaning() {
        let page = page();
        for code in ErrorCode::ALL {
            let document = Problem::new(*code, "").document(None);
            let anchor = document["type"].as_str().unwrap().strip_prefix("/problems#").unwrap().to_owned();
            assert!(page.contains(&format!("id=\"{anchor}\"")), "{anchor} leads nowhere");
            assert!(page.contains(&escaped(code.meaning())), "{anchor} has no meaning");
        }
    }
}
