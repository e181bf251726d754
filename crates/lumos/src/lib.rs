//! The wire form of what Lumos sends and expects.
