//! The mirror of a daemon that is killed, whose store is damaged, or whose MISP lies.

mod analyst;
mod bad_input;
mod damage;
mod drawn_faults;
mod draws;
mod kills;
mod stage;
