//! The demo's connections, as data: which shop, which plugin, which back office, and the files that say so.

use std::{fs, path::PathBuf};

use anyhow::Context as _;

use crate::{shop::world::ShopKind, stage::Stage};

/// What a back office eats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Food {
    /// An XML file for each order, in a folder.
    Xml,
    /// A keystroke file for each order, in the folder of an unattended Attaché run.
    Kfi,
    /// A JSON document, posted.
    Json,
}

/// One connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its name.
    pub name: &'static str,
    /// Which shop system.
    pub shop: ShopKind,
    /// Which account.
    pub account: &'static str,
    /// Which plugin.
    pub plugin: &'static str,
    /// What goes out.
    pub food: Food,
}

/// All of them.
pub const LINES: [Line; 3] = [
    Line { name: "cedar-xml", shop: ShopKind::Woo, account: "cedar", plugin: "xml-drop", food: Food::Xml },
    Line { name: "bolt-attache", shop: ShopKind::Evo, account: "bolt", plugin: "attache-kfi", food: Food::Kfi },
    Line { name: "acme-json", shop: ShopKind::Evo, account: "acme", plugin: "json-post", food: Food::Json },
];

impl Line {
    /// Name of the shop system.
    #[must_use]
    pub fn shop_words(&self) -> &'static str {
        match self.shop {
            ShopKind::Evo => "EvolutionX",
            ShopKind::Woo => "WooCommerce",
        }
    }

    /// Where its orders go, in words.
    #[must_use]
    pub fn target_words(&self) -> &'static str {
        match self.food {
            Food::Xml => "XML files in a folder",
            Food::Kfi => "KFI files for an unattended Attaché",
            Food::Json => "JSON to an ERP's endpoint",
        }
    }

    /// The status that Orderdock sets when the back office has the order.
    #[must_use]
    pub fn success(&self) -> &'static str {
        match self.shop {
            ShopKind::Evo => "In Progress",
            ShopKind::Woo => "erp-delivered",
        }
    }

    /// The status that it sets when a person must look.
    #[must_use]
    pub fn failure(&self) -> &'static str {
        match self.shop {
            ShopKind::Evo => "On Hold",
            ShopKind::Woo => "erp-failed",
        }
    }

    /// The folder that its files go to.
    #[must_use]
    pub fn inbox(&self, stage: &Stage) -> PathBuf {
        stage.folder().join("back-office").join(self.account)
    }

    /// Ending of its files.
    #[must_use]
    pub fn ending(&self) -> &'static str {
        match self.food {
            Food::Xml => "xml",
            Food::Kfi => "kfi",
            Food::Json => "json",
        }
    }

    /// The file that a pass of an order becomes. The connection's settings say the same.
    #[must_use]
    pub fn file_of(&self, order_number: &str, pass: u32) -> String {
        format!("{order_number}-{pass}.{}", self.ending())
    }

    /// Writes the connection's file and the secrets beside it; gives its name.
    ///
    /// # Errors
    /// When something of the stage does not run, or the file can't be written.
    pub fn write(&self, stage: &Stage, release: &str) -> anyhow::Result<String> {
        let (shop, secrets) = match self.shop {
            ShopKind::Evo => (
                format!(
                    "kind = \"evolutionx\"\nbase_address = \"{}\"\naccount = \"{}\"\n\n\
                     [shop.settings]\n# How long the shop's lists may lag behind; a minute is the cautious default.\nread_lag_s = 1\n\n\
                     [shop.settings.http]\n# The vendor allows 100 a minute; the demo's shop allows more, and its headers say so.\n\
                     requests_per_minute = 0\n\n[shop.secrets]\ntoken = {{ file = \"secrets/{}-token\" }}",
                    stage.shop_address(self.shop)?,
                    self.account,
                    self.account
                ),
                vec![(format!("{}-token", self.account), format!("evo-{}", self.account))],
            ),
            ShopKind::Woo => (
                format!(
                    "kind = \"woocommerce\"\nbase_address = \"{}\"\naccount = \"{}\"\n\n[shop.secrets]\n\
                     consumer_key = {{ file = \"secrets/{}-key\" }}\nconsumer_secret = {{ file = \"secrets/{}-secret\" }}",
                    stage.shop_address(self.shop)?,
                    self.account,
                    self.account,
                    self.account
                ),
                vec![
                    (format!("{}-key", self.account), format!("ck_{}", self.account)),
                    (format!("{}-secret", self.account), format!("cs_{}", self.account)),
                ],
            ),
        };
        let folder = stage.folder().join("secrets");
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("erp-token"), "a-token-of-the-erp")?;
        for (name, secret) in secrets {
            fs::write(folder.join(name), secret)?;
        }
        let text = format!(
            "# {} orders → {}\nname = \"{}\"\n\n[shop]\n{shop}\n\n[take]\n# The captured orders are years old.\nfrom = \"2020-01-01\"\n\n\
             [plugin]\nrelease = \"{release}\"\n\n{}\n[notify]\nto = [\"staff@{}.example\"]\n",
            self.shop_words(),
            self.target_words(),
            self.name,
            self.plugin_and_destination(stage)?,
            self.account,
        );
        let file = format!("{}.toml", self.name);
        fs::write(stage.folder().join(&file), text).with_context(|| format!("{file} can't be written"))?;
        Ok(file)
    }

    fn plugin_and_destination(&self, stage: &Stage) -> anyhow::Result<String> {
        Ok(match self.food {
            Food::Json => format!(
                "[destination]\nkind = \"http\"\n\n[destination.settings]\nbase_address = \"{}\"\n\
                 # Short, so that nobody has to wait for the order whose answer never comes.\ntime_limit_s = 4\n\
                 authentication = {{ kind = \"bearer\", secret = \"token\" }}\n\n\
                 [destination.secrets]\ntoken = {{ file = \"secrets/erp-token\" }}\n",
                stage.erp_address()?
            ),
            Food::Xml => {
                let inbox = self.inbox(stage);
                fs::create_dir_all(&inbox)?;
                format!(
                    "[plugin.settings]\nlayout = \"plain\"\nfile_name = \"{{order_number}}-{{pass}}.xml\"\n\n\
                     [destination]\nkind = \"folder\"\n\n[destination.settings]\npath = \"back-office/{}\"\n",
                    self.account
                )
            }
            Food::Kfi => format!(
                "[plugin.settings]\nfile_name = \"{{order_number}}-{{pass}}.kfi\"\nsuccess_folder = true\ndefault_customer = \"WEB\"\n\n\
                 [plugin.settings.line_kind]\nshipping = {{ code = \"FREIGHT\" }}\ndiscount = {{ code = \"DISCOUNT\" }}\n\n\
                 [destination]\nkind = \"folder\"\n\n[destination.settings]\npath = \"back-office/{0}\"\n\
                 # An answer file counts when it has not changed for that long.\nstable_s = 1\n\n\
                 [destination.answer_folders]\nsuccess = \"back-office/{0}/Success\"\nfailure = \"back-office/{0}/Failure\"\n",
                self.account
            ),
        })
    }
}
