//! misp-sim
