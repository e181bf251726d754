//! Runs the tests inside generic-rest definitions through the real engine, without a network.
