//! site-config
