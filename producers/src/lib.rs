//! Sources of market data and of alert changes, published to the journal
