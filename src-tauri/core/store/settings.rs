//! `settings.json`: choices, favourites, colours. No secrets.
