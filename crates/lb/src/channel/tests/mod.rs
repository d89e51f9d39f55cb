mod behaviour;
mod health;
mod plugins;
mod random;
mod round_robin;
mod service_config;
mod service_configs;
mod sim;
