//! The description of the HTTP interface, generated from the routes.

use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, ContactBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder};

/// Title, version and security; the routes add themselves.
pub(crate) fn head() -> OpenApi {
    let mut components = Components::new();
    components.add_security_scheme(
        "bearer",
        SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build()),
    );
    components.add_security_scheme(
        "api_key",
        SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("X-API-Key"))),
    );
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("Innkeeper")
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some(
                    "Inference for hotels. Errors are `application/problem+json` with a stable `code`; times are \
                     RFC 3339; boxes and points are pixels of the picture after EXIF rotation.",
                ))
                .contact(Some(ContactBuilder::new().name(Some("The Innkeeper authors")).build()))
                .license(Some(LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build()))
                .build(),
        )
        .components(Some(components))
        .build()
}

/// The whole document as JSON with a final newline: what `api/openapi.json` holds.
pub(crate) fn json() -> Result<String, serde_json::Error> {
    let (_, openapi) = crate::routes::documented().split_for_parts();
    openapi.to_pretty_json().map(|text| text + "\n")
}
