//! Configurations from outside: files beside what they must give, the environment, the reference.

#![cfg(test)]

mod documentation;
mod environment;
mod golden;
mod properties;
