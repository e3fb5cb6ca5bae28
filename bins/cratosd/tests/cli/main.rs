//! The program from outside: what it prints, how it ends, and what it does with signals.

mod check;
mod demo;
mod exit_codes;
mod feed;
mod help;
mod init;
mod serve;
mod support;
mod token;
