//! `wscap explain`: what is known of a finding, a status, a close code or a product.
