//! What survives when the machine, the network, the disk or the database fails?

mod clock;
mod connections;
mod ends;
mod files;
mod load;
mod network;
mod servers;
