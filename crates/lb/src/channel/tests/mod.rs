mod behaviour;
mod plugins;
mod random;
mod sim;
