//! The file that the browser is opened on. It has the token, which thereby is in no list of processes, no history and no
//! address, and posts it.

use std::{
    env, fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use causeway_core::onboarding::Token;
use causeway_page::document;
use maud::{PreEscaped, html};

use super::{door::ENTRANCE, policy::hash};

/// Sends the form off as soon as the page is there.
const SENDING: &str = "addEventListener(\"load\", () => document.forms[0].submit());";

/// The file, in a folder of its own that nobody else may look into. Both go when this is dropped.
#[derive(Debug)]
pub struct Entrance {
    folder: PathBuf,
    file: PathBuf,
}

impl Entrance {
    /// Writes the file that posts `token` to the console at `origin`. `name` is one that nobody can guess.
    pub fn write(origin: &str, token: &Token, name: &str) -> io::Result<Self> {
        let folder = env::temp_dir().join(format!("causeway-{name}"));
        make_folder(&folder)?;
        let entrance = Self { file: folder.join("console.html"), folder };
        let mut file = new_file(&entrance.file)?;
        file.write_all(page(origin, token).as_bytes())?;
        Ok(entrance)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.file
    }
}

impl Drop for Entrance {
    fn drop(&mut self) {
        // Whoever took it away did what is to be done.
        let _ = fs::remove_file(&self.file);
        let _ = fs::remove_dir(&self.folder);
    }
}

/// Makes a folder, and fails where there is one already: it could be somebody else's.
fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn new_file(path: &Path) -> io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// The page. It may run its one script, and send its form to the console.
fn page(origin: &str, token: &Token) -> String {
    let policy = format!("default-src 'none'; script-src {}; form-action {origin}{ENTRANCE}", hash(SENDING));
    let own = html! {
        meta http-equiv="Content-Security-Policy" content=(policy);
        meta name="referrer" content="no-referrer";
    };
    let body = html! {
        main {
            h1 { "Causeway console" }
            form method="post" action={ (origin) (ENTRANCE) } {
                input type="hidden" name="token" value=(token.expose());
                button { "Open the console" }
            }
        }
        script { (PreEscaped(SENDING)) }
    };
    document("Console", &own, &body).into_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_the_operators_alone_and_goes_with_its_folder() {
        let token = Token::new([7; 32]);
        let name = format!("test-{}", std::process::id());
        let entrance = Entrance::write("http://127.0.0.1:1", &token, &name).unwrap();
        let (file, folder) = (entrance.file.clone(), entrance.folder.clone());
        #[cfg(unix)]
        for (path, expected) in [(&file, 0o600), (&folder, 0o700)] {
            let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(path).unwrap().permissions());
            assert_eq!(mode & 0o777, expected, "{}", path.display());
        }
        assert!(fs::read_to_string(&file).unwrap().contains(token.expose()));
        assert!(Entrance::write("http://127.0.0.1:1", &token, &name).is_err(), "one that was there is not taken");
        drop(entrance);
        assert!(!file.exists() && !folder.exists());
    }

    #[test]
    fn no_path_and_no_address_has_the_token() {
        let token = Token::new([7; 32]);
        let page = page("http://127.0.0.1:1", &token);
        assert_eq!(page.matches(token.expose()).count(), 1, "{page}");
        assert!(page.contains(&format!("name=\"token\" value=\"{}\"", token.expose())), "{page}");
        assert!(page.contains("action=\"http://127.0.0.1:1/enter\""), "{page}");
    }
}
