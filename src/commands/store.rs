//! `fairway store`: the embedded engine's process. A node starts it by itself.

use std::{env, path::Path};

use fairway_store::{
    ServeOptions,
    serve::{PASSWORD_VARIABLE, library_places},
};

use crate::{Environment, cli, exit::Failure};

/// Serves ClickHouse's HTTP interface over the engine's folder until standard input ends.
pub fn run(args: &cli::Store, environment: &Environment) -> Result<(), Failure> {
    super::start_log(environment.get("FAIRWAY_LOG").map_or("info", String::as_str))?;
    let Some(password) = environment.get(PASSWORD_VARIABLE) else {
        return Err(Failure::bad_input(format!(
            "set {PASSWORD_VARIABLE}: the engine does not serve without a password"
        )));
    };
    let library = match &args.library {
        Some(file) => vec![file.clone()],
        None => {
            let (here, program) = (env::current_dir()?, env::current_exe()?);
            library_places([here.as_path(), program.parent().unwrap_or(Path::new("/"))])
        }
    };
    let options = ServeOptions {
        path: args.path.clone(),
        library,
        password: password.clone(),
        port: args.port,
        memory: args.memory,
    };
    super::on_runtime(async |_| fairway_store::serve(options).await.map_err(Failure::unavailable))
}
