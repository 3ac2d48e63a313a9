public-content
