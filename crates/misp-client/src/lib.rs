//! misp-client
