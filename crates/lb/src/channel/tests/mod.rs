mod behaviour;
mod random;
mod sim;
