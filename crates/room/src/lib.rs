//! Room photographs to readiness: tags, what is missing, cleaning minutes.
