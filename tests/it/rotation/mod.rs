//! Credentials are rotated: at every instant one that is stored signs in, and nothing goes that is not ours.

mod defects;
mod faults;
mod own;
mod rotating;
mod scene;
mod sweep;
