//! The daemon over real sockets against a MISP stand-in: one file per resource.
