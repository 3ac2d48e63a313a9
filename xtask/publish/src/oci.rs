//! The parts of OCI's image and distribution specifications that pushing takes.

pub mod archive;
pub mod image;
pub mod layout;
pub mod reference;
pub mod registry;

mod authorization;
mod refusal;

pub use image::{Annotations, Image, Layout};
pub use reference::Reference;
pub use registry::{Registry, Scheme};
