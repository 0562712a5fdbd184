//! Failures of the machine, the network, the disk and the database.

mod clock;
mod connections;
mod ends;
mod files;
mod load;
mod network;
mod servers;
