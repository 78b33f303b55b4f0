//! `fairway run`: a node.

use std::io::{self, Write};

use crate::{Environment, cli, exit::Failure, node::Node};

/// Runs a node until it is asked to stop; or shows what it would be told.
pub fn run(args: &cli::RunNode, environment: &Environment) -> Result<(), Failure> {
    if args.run.show_config {
        let layers = super::layers(&args.run, environment)?;
        crate::config::Config::from_layers(&layers).map_err(|problems| Failure::problems(&problems))?;
        return Ok(io::stdout().lock().write_all(layers.to_string().as_bytes())?);
    }
    let config = super::config(&args.run, environment)?;
    super::start_log(&config.log)?;
    super::on_runtime(async |shutdown| {
        let node = match args.replace {
            true => Node::replace(config, shutdown).await?,
            false => Node::start(config, shutdown).await?,
        };
        node.run().await
    })
}
