//! Stateful stand-ins of vendors and of Lumos's tasks, with a fault switch.
