"""Products by the versions that their banners name, and the dated tables that say what is known of them. Pure."""
