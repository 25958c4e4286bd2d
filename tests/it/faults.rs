//! What goes wrong around wscap: clocks, disks, pipes, files, interfaces, signals, threads. It ends as it should, says
//! so, and accuses nobody for it.

mod clock;
mod files;
mod interfaces;
mod output;
