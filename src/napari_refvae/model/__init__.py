"""The networks: three doors (encode, posterior, decode) and one latent map."""
